"""News in files: articles and labelled texts read and judged without a database (docs/news.md).

It reads no clock, stores nothing and knows nothing of the service; what each module does stands at its head.
"""
