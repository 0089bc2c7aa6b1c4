"""The page's words: English as they stand in the pages, Chinese in chinese.py. A language is asked by who reads."""
