"""Our forms in place of django-allauth's."""

ACCOUNT_FORMS = {
    "signup": "crm.authentication.forms.sign_up.SignUpForm",
    "reset_password": "crm.authentication.forms.passwords.ResetForm",
    "reset_password_from_key": "crm.authentication.forms.passwords.NewPasswordForm",
    "change_password": "crm.authentication.forms.passwords.ChangePasswordForm",
    "set_password": "crm.authentication.forms.passwords.SetPasswordForm",
    "reauthenticate": "crm.authentication.forms.passwords.ConfirmForm",
    "add_email": "crm.authentication.forms.passwords.ChangeAddressForm",
}

MFA_FORMS = {
    "authenticate": "crm.authentication.forms.mfa.CodeForm",
    "reauthenticate": "crm.authentication.forms.mfa.ConfirmByCodeForm",
    "activate_totp": "crm.authentication.forms.mfa.ActivateAppForm",
    "login_webauthn": "crm.authentication.forms.mfa.LogInKeyForm",
    "authenticate_webauthn": "crm.authentication.forms.mfa.SecondKeyForm",
    "reauthenticate_webauthn": "crm.authentication.forms.mfa.ConfirmByKeyForm",
    "add_webauthn": "crm.authentication.forms.mfa.AddKeyForm",
    "edit_webauthn": "crm.authentication.forms.mfa.RenameKeyForm",
}
