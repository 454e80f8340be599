"""Our forms in place of django-allauth's."""

ACCOUNT_FORMS = {
    "signup": "crm.accounts.forms.sign_up.SignUpForm",
    "reset_password": "crm.accounts.forms.passwords.ResetForm",
    "reset_password_from_key": "crm.accounts.forms.passwords.NewPasswordForm",
    "change_password": "crm.accounts.forms.passwords.ChangePasswordForm",
    "set_password": "crm.accounts.forms.passwords.SetPasswordForm",
    "reauthenticate": "crm.accounts.forms.passwords.ConfirmForm",
    "add_email": "crm.accounts.forms.addresses.ChangeAddressForm",
}

MFA_FORMS = {
    "authenticate": "crm.accounts.forms.factors.CodeForm",
    "reauthenticate": "crm.accounts.forms.factors.ConfirmByCodeForm",
    "activate_totp": "crm.accounts.forms.factors.ActivateAppForm",
    "login_webauthn": "crm.accounts.forms.factors.LogInKeyForm",
    "authenticate_webauthn": "crm.accounts.forms.factors.SecondKeyForm",
    "reauthenticate_webauthn": "crm.accounts.forms.factors.ConfirmByKeyForm",
    "add_webauthn": "crm.accounts.forms.factors.AddKeyForm",
    "edit_webauthn": "crm.accounts.forms.factors.RenameKeyForm",
}
