import crm.core.ids
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('organizations', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Customer',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='customers', to='organizations.organization')),
                ('name', models.CharField(blank=True, max_length=255, verbose_name='name')),
                ('email', models.EmailField(blank=True, max_length=255, verbose_name='email address')),
                ('phone', models.CharField(blank=True, max_length=50, verbose_name='phone')),
                ('language_code', models.CharField(blank=True, choices=[('en', 'English'), ('vi', 'Vietnamese'), ('ru', 'Russian')], max_length=10, verbose_name='language')),
                ('stage', models.CharField(choices=[('visitor', 'Visitor'), ('customer', 'Customer')], default='visitor', max_length=20, verbose_name='stage')),
                ('external_id', models.CharField(blank=True, editable=False, max_length=200, verbose_name='id at the site')),
                ('identity_space', models.UUIDField(editable=False, null=True)),
                ('verified_at', models.DateTimeField(editable=False, null=True)),
                ('proved', models.JSONField(default=dict, editable=False)),
                ('claimed', models.JSONField(blank=True, default=dict)),
                ('short_id', models.GeneratedField(db_persist=True, expression=django.db.models.functions.text.Right(django.db.models.functions.comparison.Cast('id', models.TextField()), 4), output_field=models.CharField(max_length=4))),
                ('search_text', models.TextField(default='', editable=False)),
                ('sort_name', models.CharField(db_collation='C', default='', editable=False, max_length=255)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'customer',
                'verbose_name_plural': 'customers',
                'indexes': [models.Index(fields=['organization', '-created_at'], name='customers_newest_first'), models.Index(fields=['organization', 'stage', '-created_at'], name='customers_of_stage'), models.Index(fields=['organization', 'updated_at', 'id'], name='customers_by_change'), models.Index(fields=['organization', 'sort_name', 'id'], name='customers_by_name'), models.Index(condition=models.Q(('stage', 'customer')), fields=['organization'], name='contacts_of_organization'), models.Index(condition=models.Q(('email', ''), _negated=True), fields=['organization', 'email'], name='customers_by_address'), models.Index(condition=models.Q(('email', ''), ('name', ''), ('phone', '')), fields=['organization', 'short_id'], name='visitors_by_short_id')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('external_id', ''), _negated=True), fields=('organization', 'identity_space', 'external_id'), name='one_customer_per_external_id'), models.CheckConstraint(condition=models.Q(models.Q(('external_id', ''), ('identity_space__isnull', True)), models.Q(models.Q(('external_id', ''), _negated=True), ('identity_space__isnull', False)), _connector='OR'), name='external_ids_have_a_space')],
            },
        ),
        migrations.CreateModel(
            name='CustomerWord',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='words', to='customers.customer')),
                ('word', models.CharField(db_collation='C', max_length=64)),
            ],
            options={
                'verbose_name': 'search word of a customer',
                'verbose_name_plural': 'search words of customers',
                'indexes': [models.Index(fields=['organization', 'word', 'customer'], name='customers_by_search_word')],
            },
        ),
    ]
