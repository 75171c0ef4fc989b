"""What the pages of node and hub share, a rim beside `reader/`: languages and their catalogues, records as words,
templates, the style sheet and the mark. It knows no HTTP, opens no connection, and imports neither node nor hub.

Install it with the extra `pages`.
"""
