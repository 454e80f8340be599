import crm.accounts.permissions.principals
import crm.core.ids
import crm.core.versions
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='CustomRole',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('base', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Administrator'), ('supervisor', 'Supervisor'), ('agent', 'Agent'), ('viewer', 'Viewer')], max_length=20, verbose_name='copied from')),
                ('grants', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'role',
                'verbose_name_plural': 'roles',
            },
        ),
        migrations.CreateModel(
            name='Organization',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('slug', models.SlugField(max_length=63, unique=True, verbose_name='short name')),
                ('language_code', models.CharField(choices=[('en', 'English'), ('vi', 'Vietnamese'), ('ru', 'Russian')], default='en', max_length=10, verbose_name='language')),
                ('timezone', models.CharField(default='UTC', max_length=50, verbose_name='time zone')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('requires_second_factor', models.BooleanField(default=False, verbose_name='asks for a second factor')),
                ('access_from', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'organization',
                'verbose_name_plural': 'organizations',
            },
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=255, unique=True, verbose_name='email address')),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('phone', models.CharField(blank=True, max_length=50, verbose_name='phone')),
                ('language_code', models.CharField(choices=[('en', 'English'), ('vi', 'Vietnamese'), ('ru', 'Russian')], default='en', max_length=10, verbose_name='language')),
                ('timezone', models.CharField(default='UTC', max_length=50, verbose_name='time zone')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('is_staff', models.BooleanField(default=False, verbose_name="may enter the operator's admin")),
                ('metadata', models.JSONField(blank=True, default=dict)),
                ('search_text', models.TextField(default='', editable=False)),
                ('access_from', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None, verbose_name='scopes')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='expires')),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Administrator'), ('supervisor', 'Supervisor'), ('agent', 'Agent'), ('viewer', 'Viewer')], default='agent', max_length=20, verbose_name='role')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('access_from', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('custom_role', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='memberships', to='accounts.customrole')),
                ('successor', models.ForeignKey(blank=True, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='+', to='accounts.membership', verbose_name='successor')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'membership',
                'verbose_name_plural': 'memberships',
            },
            bases=(crm.accounts.permissions.principals.Principal, models.Model),
        ),
        migrations.CreateModel(
            name='SecuritySettings',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('organization', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='security', serialize=False, to='accounts.organization')),
                ('session_hours', models.PositiveIntegerField(default=336, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(720)], verbose_name='log in again after, hours')),
                ('idle_minutes', models.PositiveIntegerField(default=10080, validators=[django.core.validators.MinValueValidator(5), django.core.validators.MaxValueValidator(43200)], verbose_name='log out when idle for, minutes')),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'security settings',
                'verbose_name_plural': 'security settings',
            },
        ),
        migrations.AddField(
            model_name='organization',
            name='members',
            field=models.ManyToManyField(related_name='organizations', through='accounts.Membership', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='membership',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='accounts.organization'),
        ),
        migrations.CreateModel(
            name='Impersonation',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('login', models.UUIDField(editable=False)),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('may_change', models.BooleanField(default=False, verbose_name='may change things')),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='began')),
                ('ends_at', models.DateTimeField(editable=False, verbose_name='over at the latest')),
                ('ended_at', models.DateTimeField(editable=False, null=True, verbose_name='ended')),
                ('ended_because', models.CharField(blank=True, choices=[('stopped', 'Stopped'), ('lapsed', 'The time was over'), ('logged_out', "The operator's session ended"), ('not_allowed', 'No longer allowed')], editable=False, max_length=20, verbose_name='why it ended')),
                ('operator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='operator')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='as whom')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'impersonation',
                'verbose_name_plural': 'impersonations',
            },
        ),
        migrations.CreateModel(
            name='IdempotentRequest',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('actor', models.CharField(max_length=80)),
                ('key', models.CharField(max_length=255)),
                ('fingerprint', models.CharField(max_length=64)),
                ('status', models.PositiveSmallIntegerField()),
                ('body', models.TextField()),
                ('location', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField()),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'idempotent request',
                'verbose_name_plural': 'idempotent requests',
            },
        ),
        migrations.AddField(
            model_name='customrole',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='custom_roles', to='accounts.organization'),
        ),
        migrations.CreateModel(
            name='ApiKeySecret',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('prefix', models.CharField(editable=False, max_length=8, unique=True)),
                ('secret_hash', models.CharField(editable=False, max_length=64)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('last_used_at', models.DateTimeField(editable=False, null=True)),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
                ('key', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='secrets', to='accounts.apikey')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'secret of an API key',
                'verbose_name_plural': 'secrets of API keys',
            },
        ),
        migrations.AddField(
            model_name='apikey',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to='accounts.organization'),
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('lead', models.ForeignKey(blank=True, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='leads', to='accounts.membership')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='teams', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'team',
                'verbose_name_plural': 'teams',
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=255, verbose_name='email address')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Administrator'), ('supervisor', 'Supervisor'), ('agent', 'Agent'), ('viewer', 'Viewer')], default='agent', max_length=20, verbose_name='role')),
                ('token_hash', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('sent_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('custom_role', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='accounts.customrole')),
                ('invited_by_key', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='accounts.apikey')),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='accounts.membership')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='accounts.organization')),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='invitations', to='accounts.team')),
            ],
            options={
                'verbose_name': 'invitation',
                'verbose_name_plural': 'invitations',
            },
        ),
        migrations.CreateModel(
            name='TeamMember',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='seats', to='accounts.membership')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='seats', to='accounts.team')),
            ],
            options={
                'verbose_name': 'team member',
                'verbose_name_plural': 'team members',
            },
        ),
        migrations.AddField(
            model_name='team',
            name='members',
            field=models.ManyToManyField(related_name='teams', through='accounts.TeamMember', to='accounts.membership'),
        ),
        migrations.CreateModel(
            name='TokenFamily',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('device', models.CharField(blank=True, max_length=100, verbose_name='device')),
                ('address', models.GenericIPAddressField(null=True, verbose_name='address')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('last_used_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('expires_at', models.DateTimeField(editable=False)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
                ('ended_because', models.CharField(blank=True, choices=[('logged_out', 'Logged out'), ('revoked', 'Revoked'), ('password_changed', 'Password changed'), ('factors_changed', 'Two-step verification changed'), ('deactivated', 'Deactivated'), ('lapsed', 'Lapsed'), ('reused', 'A used token was shown again')], editable=False, max_length=20)),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='token_families', to='accounts.membership')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='token_families', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'token family',
                'verbose_name_plural': 'token families',
            },
        ),
        migrations.CreateModel(
            name='RefreshToken',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('token_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('rotated_at', models.DateTimeField(editable=False, null=True)),
                ('rotated_by', models.CharField(blank=True, editable=False, max_length=64)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
                ('family', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='accounts.tokenfamily')),
            ],
            options={
                'verbose_name': 'refresh token',
                'verbose_name_plural': 'refresh tokens',
            },
        ),
        migrations.CreateModel(
            name='UndoableAction',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=40)),
                ('data', models.JSONField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('undone_at', models.DateTimeField(blank=True, null=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'undoable action',
                'verbose_name_plural': 'undoable actions',
            },
        ),
        migrations.CreateModel(
            name='UserSession',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('key', models.CharField(editable=False, max_length=40, unique=True)),
                ('device', models.CharField(blank=True, max_length=100, verbose_name='device')),
                ('address', models.GenericIPAddressField(null=True, verbose_name='address')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('last_used_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
                ('ended_because', models.CharField(blank=True, choices=[('logged_out', 'Logged out'), ('revoked', 'Revoked'), ('password_changed', 'Password changed'), ('factors_changed', 'Two-step verification changed'), ('deactivated', 'Deactivated'), ('lapsed', 'Lapsed'), ('reused', 'A used token was shown again')], editable=False, max_length=20)),
                ('organization', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.organization')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
            },
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(fields=['created_at'], name='users_by_age'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='user_email_is_lower_case'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(fields=['organization', 'id'], name='members_in_order'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('organization', 'user'), name='one_membership_per_user_and_organization'),
        ),
        migrations.AddIndex(
            model_name='impersonation',
            index=models.Index(fields=['-started_at'], name='impersonations_newest_first'),
        ),
        migrations.AddIndex(
            model_name='impersonation',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['login'], name='live_impersonations_of_a_login'),
        ),
        migrations.AddIndex(
            model_name='impersonation',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['ends_at'], name='impersonations_to_end'),
        ),
        migrations.AddIndex(
            model_name='idempotentrequest',
            index=models.Index(fields=['created_at'], name='idempotent_requests_by_age'),
        ),
        migrations.AddConstraint(
            model_name='idempotentrequest',
            constraint=models.UniqueConstraint(fields=('organization', 'actor', 'key'), name='one_answer_per_idempotency_key'),
        ),
        migrations.AddConstraint(
            model_name='customrole',
            constraint=models.UniqueConstraint(models.F('organization'), django.db.models.functions.text.Lower('name'), name='one_role_per_name'),
        ),
        migrations.AddConstraint(
            model_name='customrole',
            constraint=models.CheckConstraint(condition=models.Q(('base', 'owner'), _negated=True), name='no_role_is_copied_from_owner'),
        ),
        migrations.AddIndex(
            model_name='apikey',
            index=models.Index(fields=['organization', '-id'], name='api_keys_newest_first'),
        ),
        migrations.AddIndex(
            model_name='invitation',
            index=models.Index(fields=['organization', '-created_at', '-id'], name='invitations_by_age'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(condition=models.Q(('accepted_at__isnull', True), ('revoked_at__isnull', True)), fields=('organization', 'email'), name='one_open_invitation_per_address'),
        ),
        migrations.AddConstraint(
            model_name='teammember',
            constraint=models.UniqueConstraint(fields=('team', 'membership'), name='one_seat_per_team'),
        ),
        migrations.AddConstraint(
            model_name='team',
            constraint=models.UniqueConstraint(models.F('organization'), django.db.models.functions.text.Lower('name'), name='one_team_per_name'),
        ),
        migrations.AddIndex(
            model_name='tokenfamily',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['user', '-last_used_at'], name='live_families_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='tokenfamily',
            index=models.Index(fields=['expires_at'], name='families_by_expiry'),
        ),
        migrations.AddIndex(
            model_name='undoableaction',
            index=models.Index(fields=['created_at'], name='undoable_actions_by_age'),
        ),
        migrations.AddIndex(
            model_name='usersession',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['user', '-last_used_at'], name='live_sessions_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='usersession',
            index=models.Index(fields=['ended_at'], name='sessions_by_end'),
        ),
    ]
