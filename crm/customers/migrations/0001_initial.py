import crm.core.ids
import crm.core.versions
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('organizations', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Company',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('search_text', models.TextField(default='', editable=False)),
                ('sort_name', models.CharField(db_collation='C', default='', editable=False, max_length=255)),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('domain', models.CharField(blank=True, max_length=255, verbose_name='website')),
                ('email', models.EmailField(blank=True, max_length=255, verbose_name='email address')),
                ('phone', models.CharField(blank=True, max_length=50, verbose_name='phone')),
                ('tax_code', models.CharField(blank=True, max_length=20, verbose_name='tax code')),
                ('address', models.TextField(blank=True, max_length=500, verbose_name='address')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='subsidiaries', to='customers.company', verbose_name='parent company')),
            ],
            options={
                'verbose_name': 'company',
                'verbose_name_plural': 'companies',
            },
        ),
        migrations.CreateModel(
            name='CompanyWord',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('word', models.CharField(db_collation='C', max_length=64)),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='words', to='customers.company')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
            ],
            options={
                'verbose_name': 'search word of a company',
                'verbose_name_plural': 'search words of companies',
            },
        ),
        migrations.CreateModel(
            name='Customer',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('search_text', models.TextField(default='', editable=False)),
                ('sort_name', models.CharField(db_collation='C', default='', editable=False, max_length=255)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(blank=True, max_length=255, verbose_name='name')),
                ('email', models.EmailField(blank=True, max_length=255, verbose_name='email address')),
                ('phone', models.CharField(blank=True, max_length=50, verbose_name='phone')),
                ('language_code', models.CharField(blank=True, choices=[('en', 'English'), ('vi', 'Vietnamese'), ('ru', 'Russian')], max_length=10, verbose_name='language')),
                ('stage', models.CharField(choices=[('visitor', 'Visitor'), ('customer', 'Customer')], default='visitor', max_length=20, verbose_name='stage')),
                ('job_title', models.CharField(blank=True, max_length=120, verbose_name='job title')),
                ('external_id', models.CharField(blank=True, editable=False, max_length=200, verbose_name='id at the site')),
                ('identity_space', models.UUIDField(editable=False, null=True)),
                ('verified_at', models.DateTimeField(editable=False, null=True)),
                ('proved', models.JSONField(default=dict, editable=False)),
                ('claimed', models.JSONField(blank=True, default=dict)),
                ('short_id', models.GeneratedField(db_persist=True, expression=django.db.models.functions.text.Right(django.db.models.functions.comparison.Cast('id', models.TextField()), 4), output_field=models.CharField(max_length=4))),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('company', models.ForeignKey(blank=True, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='customers', to='customers.company', verbose_name='company')),
                ('created_by', models.ForeignKey(editable=False, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='customers', to='organizations.organization')),
            ],
            options={
                'verbose_name': 'customer',
                'verbose_name_plural': 'customers',
            },
        ),
        migrations.CreateModel(
            name='CustomerWord',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('word', models.CharField(db_collation='C', max_length=64)),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='words', to='customers.customer')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
            ],
            options={
                'verbose_name': 'search word of a customer',
                'verbose_name_plural': 'search words of customers',
            },
        ),
        migrations.AddIndex(
            model_name='company',
            index=models.Index(fields=['organization', 'sort_name', 'id'], name='companies_by_name'),
        ),
        migrations.AddIndex(
            model_name='company',
            index=models.Index(fields=['organization', 'created_at', 'id'], name='companies_by_creation'),
        ),
        migrations.AddIndex(
            model_name='company',
            index=models.Index(fields=['organization', 'updated_at', 'id'], name='companies_by_change'),
        ),
        migrations.AddIndex(
            model_name='company',
            index=models.Index(fields=['organization', 'owner', 'id'], name='companies_of_owner'),
        ),
        migrations.AddIndex(
            model_name='company',
            index=models.Index(condition=models.Q(('domain', ''), _negated=True), fields=['organization', 'domain'], name='companies_by_domain'),
        ),
        migrations.AddIndex(
            model_name='company',
            index=models.Index(condition=models.Q(('parent__isnull', False)), fields=['organization', 'parent', 'sort_name', 'id'], name='companies_of_parent'),
        ),
        migrations.AddIndex(
            model_name='companyword',
            index=models.Index(fields=['organization', 'word', 'company'], name='companies_by_search_word'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(fields=['organization', '-created_at', '-id'], name='customers_newest_first'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(fields=['organization', 'stage', '-created_at', '-id'], name='customers_of_stage'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(fields=['organization', 'updated_at', 'id'], name='customers_by_change'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(fields=['organization', 'sort_name', 'id'], name='customers_by_name'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('company__isnull', False)), fields=['organization', 'company', '-created_at', '-id'], name='customers_of_company'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('stage', 'customer')), fields=['organization'], name='contacts_of_organization'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('email', ''), _negated=True), fields=['organization', 'email'], name='customers_by_address'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('email', ''), ('name', ''), ('phone', '')), fields=['organization', 'short_id'], name='visitors_by_short_id'),
        ),
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.UniqueConstraint(condition=models.Q(('external_id', ''), _negated=True), fields=('organization', 'identity_space', 'external_id'), name='one_customer_per_external_id'),
        ),
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('external_id', ''), ('identity_space__isnull', True)), models.Q(models.Q(('external_id', ''), _negated=True), ('identity_space__isnull', False)), _connector='OR'), name='external_ids_have_a_space'),
        ),
        migrations.AddIndex(
            model_name='customerword',
            index=models.Index(fields=['organization', 'word', 'customer'], name='customers_by_search_word'),
        ),
    ]
