import crm.core.ids
import crm.core.versions
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('organizations', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='KnowledgeBase',
            fields=[
                ('organization', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='organizations.organization')),
                ('version', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'knowledge base',
                'verbose_name_plural': 'knowledge bases',
            },
        ),
        migrations.CreateModel(
            name='FaqCategory',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='faq_categories', to='organizations.organization')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('names', models.JSONField(blank=True, default=dict, verbose_name='names by language')),
                ('slug', models.SlugField(max_length=80, verbose_name='key')),
                ('position', models.PositiveIntegerField(default=0, verbose_name='position')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'FAQ category',
                'verbose_name_plural': 'FAQ categories',
                'constraints': [models.UniqueConstraint(fields=('organization', 'slug'), name='one_faq_category_per_slug')],
            },
        ),
        migrations.CreateModel(
            name='Faq',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='faqs', to='organizations.organization')),
                ('category', models.ForeignKey(blank=True, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='faqs', to='knowledge.faqcategory', verbose_name='category')),
                ('key', models.SlugField(max_length=80, verbose_name='key')),
                ('language_code', models.CharField(choices=[('en', 'English'), ('vi', 'Vietnamese'), ('ru', 'Russian')], max_length=10, verbose_name='language')),
                ('question', models.CharField(max_length=500, verbose_name='question')),
                ('answer', models.TextField(max_length=5000, verbose_name='answer')),
                ('phrasings', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500), blank=True, default=list, size=None, verbose_name='other ways to ask it')),
                ('is_published', models.BooleanField(default=True, verbose_name='published')),
                ('folded_text', models.TextField(default='', editable=False)),
                ('indexed_version', models.BigIntegerField(default=0, editable=False)),
                ('indexed_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('deleted_at', models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                'verbose_name': 'FAQ',
                'verbose_name_plural': 'FAQs',
                'indexes': [models.Index(condition=models.Q(('deleted_at__isnull', True)), fields=['organization', '-updated_at', '-id'], name='faqs_by_change'), models.Index(condition=models.Q(('indexed_version__lt', models.F('version'))), fields=['organization', 'updated_at'], name='faqs_to_index'), models.Index(condition=models.Q(('deleted_at__isnull', False)), fields=['deleted_at'], name='faqs_to_purge')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('deleted_at__isnull', True)), fields=('organization', 'key', 'language_code'), name='one_faq_per_key_and_language'), models.CheckConstraint(condition=models.Q(('indexed_version__lte', models.F('version'))), name='faq_index_is_not_ahead')],
            },
        ),
    ]
