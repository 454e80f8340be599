import crm.core.ids
import crm.core.money
import crm.core.permissions.principals
import crm.core.versions
import django.db.models.deletion
import django.db.models.functions.text
import django.core.validators
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
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
                'indexes': [models.Index(fields=['created_at'], name='users_by_age')],
                'constraints': [models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='user_email_is_lower_case')],
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
                ('currency', crm.core.money.CurrencyField(default='USD', verbose_name='currency')),
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
            name='CustomRole',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='custom_roles', to='organizations.organization')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('base', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Administrator'), ('supervisor', 'Supervisor'), ('agent', 'Agent'), ('viewer', 'Viewer')], max_length=20, verbose_name='copied from')),
                ('grants', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'role',
                'verbose_name_plural': 'roles',
                'constraints': [models.UniqueConstraint(models.F('organization'), django.db.models.functions.text.Lower('name'), name='one_role_per_name'), models.CheckConstraint(condition=models.Q(('base', 'owner'), _negated=True), name='no_role_is_copied_from_owner')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='organizations.organization')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Administrator'), ('supervisor', 'Supervisor'), ('agent', 'Agent'), ('viewer', 'Viewer')], default='agent', max_length=20, verbose_name='role')),
                ('custom_role', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='memberships', to='organizations.customrole')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('successor', models.ForeignKey(blank=True, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='+', to='organizations.membership', verbose_name='successor')),
                ('left_name', models.CharField(blank=True, default='', editable=False, max_length=255)),
                ('left_email', models.EmailField(blank=True, default='', editable=False, max_length=255)),
                ('left_search_text', models.TextField(default='', editable=False)),
                ('access_from', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'membership',
                'verbose_name_plural': 'memberships',
                'indexes': [models.Index(fields=['organization', 'id'], name='members_in_order')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'user'), name='one_membership_per_user_and_organization')],
            },
            bases=(crm.core.permissions.principals.Principal, models.Model),
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='teams', to='organizations.organization')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('lead', models.ForeignKey(blank=True, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='leads', to='organizations.membership')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'team',
                'verbose_name_plural': 'teams',
                'constraints': [models.UniqueConstraint(models.F('organization'), django.db.models.functions.text.Lower('name'), name='one_team_per_name')],
            },
        ),
        migrations.CreateModel(
            name='TeamMember',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='seats', to='organizations.team')),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='seats', to='organizations.membership')),
            ],
            options={
                'verbose_name': 'team member',
                'verbose_name_plural': 'team members',
                'constraints': [models.UniqueConstraint(fields=('team', 'membership'), name='one_seat_per_team')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='organizations.organization')),
                ('email', models.EmailField(max_length=255, verbose_name='email address')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Administrator'), ('supervisor', 'Supervisor'), ('agent', 'Agent'), ('viewer', 'Viewer')], default='agent', max_length=20, verbose_name='role')),
                ('custom_role', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='organizations.customrole')),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='invitations', to='organizations.team')),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='organizations.membership')),
                ('invited_by_key_id', models.UUIDField(editable=False, null=True)),
                ('token_hash', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('sent_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'invitation',
                'verbose_name_plural': 'invitations',
                'indexes': [models.Index(fields=['organization', '-created_at', '-id'], name='invitations_by_age')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('accepted_at__isnull', True), ('revoked_at__isnull', True)), fields=('organization', 'email'), name='one_open_invitation_per_address')],
            },
        ),
        migrations.AddField(
            model_name='Organization',
            name='members',
            field=models.ManyToManyField(related_name='organizations', through='organizations.Membership', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='Team',
            name='members',
            field=models.ManyToManyField(related_name='teams', through='organizations.TeamMember', to='organizations.membership'),
        ),
        migrations.CreateModel(
            name='ExchangeRate',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('base', crm.core.money.CurrencyField(editable=False)),
                ('currency', crm.core.money.CurrencyField(verbose_name='currency')),
                ('rate', models.DecimalField(decimal_places=8, max_digits=18, validators=[django.core.validators.MinValueValidator(Decimal('1E-8'))], verbose_name='rate')),
                ('valid_from', models.DateField(verbose_name='valid from')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
            ],
            options={
                'verbose_name': 'exchange rate',
                'verbose_name_plural': 'exchange rates',
                'indexes': [models.Index(fields=['organization', 'valid_from', 'id'], name='exchange_rates_by_day')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'currency', 'valid_from'), name='one_rate_of_currency_a_day', violation_error_message='There is a rate of this currency for this day already.')],
            },
        ),
    ]
