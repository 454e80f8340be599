import crm.core.ids
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('account', '0009_emailaddress_unique_primary_email'),
        ('admin', '0003_logentry_add_action_flag_choices'),
        ('mfa', '0003_authenticator_type_uniq'),
        ('organizations', '0001_initial'),
        ('socialaccount', '0006_alter_socialaccount_extra_data'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to='organizations.organization')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None, verbose_name='scopes')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='expires')),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
                'indexes': [models.Index(fields=['organization', '-id'], name='api_keys_newest_first')],
            },
        ),
        migrations.CreateModel(
            name='ApiKeySecret',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('key', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='secrets', to='authentication.apikey')),
                ('prefix', models.CharField(editable=False, max_length=8, unique=True)),
                ('secret_hash', models.CharField(editable=False, max_length=64)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('last_used_at', models.DateTimeField(editable=False, null=True)),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name': 'secret of an API key',
                'verbose_name_plural': 'secrets of API keys',
            },
        ),
        migrations.CreateModel(
            name='Impersonation',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('operator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='operator')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='as whom')),
                ('login', models.UUIDField(editable=False)),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('may_change', models.BooleanField(default=False, verbose_name='may change things')),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='began')),
                ('ends_at', models.DateTimeField(editable=False, verbose_name='over at the latest')),
                ('ended_at', models.DateTimeField(editable=False, null=True, verbose_name='ended')),
                ('ended_because', models.CharField(blank=True, choices=[('stopped', 'Stopped'), ('lapsed', 'The time was over'), ('logged_out', "The operator's session ended"), ('not_allowed', 'No longer allowed')], editable=False, max_length=20, verbose_name='why it ended')),
            ],
            options={
                'verbose_name': 'impersonation',
                'verbose_name_plural': 'impersonations',
                'indexes': [models.Index(fields=['-started_at'], name='impersonations_newest_first'), models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['login'], name='live_impersonations_of_a_login'), models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['ends_at'], name='impersonations_to_end')],
            },
        ),
        migrations.CreateModel(
            name='SecuritySettings',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('organization', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='security', serialize=False, to='organizations.organization')),
                ('session_hours', models.PositiveIntegerField(default=336, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(720)], verbose_name='log in again after, hours')),
                ('idle_minutes', models.PositiveIntegerField(default=10080, validators=[django.core.validators.MinValueValidator(5), django.core.validators.MaxValueValidator(43200)], verbose_name='log out when idle for, minutes')),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'security settings',
                'verbose_name_plural': 'security settings',
            },
        ),
        migrations.CreateModel(
            name='UserSession',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='organizations.organization')),
                ('key', models.CharField(editable=False, max_length=40, unique=True)),
                ('device', models.CharField(blank=True, max_length=100, verbose_name='device')),
                ('address', models.GenericIPAddressField(null=True, verbose_name='address')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('last_used_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
                ('ended_because', models.CharField(blank=True, choices=[('logged_out', 'Logged out'), ('revoked', 'Revoked'), ('password_changed', 'Password changed'), ('factors_changed', 'Two-step verification changed'), ('deactivated', 'Deactivated'), ('lapsed', 'Lapsed'), ('reused', 'A used token was shown again')], editable=False, max_length=20)),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
                'indexes': [models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['user', '-last_used_at'], name='live_sessions_of_a_person'), models.Index(fields=['ended_at'], name='sessions_by_end')],
            },
        ),
        migrations.CreateModel(
            name='TokenFamily',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='token_families', to=settings.AUTH_USER_MODEL)),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='token_families', to='organizations.membership')),
                ('device', models.CharField(blank=True, max_length=100, verbose_name='device')),
                ('address', models.GenericIPAddressField(null=True, verbose_name='address')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('last_used_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('expires_at', models.DateTimeField(editable=False)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
                ('ended_because', models.CharField(blank=True, choices=[('logged_out', 'Logged out'), ('revoked', 'Revoked'), ('password_changed', 'Password changed'), ('factors_changed', 'Two-step verification changed'), ('deactivated', 'Deactivated'), ('lapsed', 'Lapsed'), ('reused', 'A used token was shown again')], editable=False, max_length=20)),
            ],
            options={
                'verbose_name': 'token family',
                'verbose_name_plural': 'token families',
                'indexes': [models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['user', '-last_used_at'], name='live_families_of_a_person'), models.Index(fields=['expires_at'], name='families_by_expiry')],
            },
        ),
        migrations.CreateModel(
            name='RefreshToken',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('family', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='authentication.tokenfamily')),
                ('token_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('rotated_at', models.DateTimeField(editable=False, null=True)),
                ('rotated_by', models.CharField(blank=True, editable=False, max_length=64)),
            ],
            options={
                'verbose_name': 'refresh token',
                'verbose_name_plural': 'refresh tokens',
            },
        ),
    ]
