"""Our forms in place of django-allauth's."""

ACCOUNT_FORMS = {
    "signup": "crm.accounts.forms.sign_up.SignUpForm",
    "reset_password": "crm.accounts.forms.passwords.ResetForm",
    "reset_password_from_key": "crm.accounts.forms.passwords.NewPasswordForm",
    "change_password": "crm.accounts.forms.passwords.ChangePasswordForm",
    "set_password": "crm.accounts.forms.passwords.SetPasswordForm",
    "reauthenticate": "crm.accounts.forms.passwords.ConfirmForm",
    "add_email": "crm.accounts.forms.emails.ChangeAddressForm",
}

MFA_FORMS = {
    "authenticate": "crm.accounts.forms.mfa.CodeForm",
    "reauthenticate": "crm.accounts.forms.mfa.ConfirmByCodeForm",
    "activate_totp": "crm.accounts.forms.mfa.ActivateAppForm",
    "login_webauthn": "crm.accounts.forms.mfa.LogInKeyForm",
    "authenticate_webauthn": "crm.accounts.forms.mfa.SecondKeyForm",
    "reauthenticate_webauthn": "crm.accounts.forms.mfa.ConfirmByKeyForm",
    "add_webauthn": "crm.accounts.forms.mfa.AddKeyForm",
    "edit_webauthn": "crm.accounts.forms.mfa.RenameKeyForm",
}
