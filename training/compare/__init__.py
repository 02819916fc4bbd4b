"""Recipes side by side: trained several times on the same data, measured alike, shown in a table and a sheet.

plan      what is compared, and compare.json
runs      one `fit` or `resume` after another, each a process of its own
appraise  what a run came to: speed, trouble, measures
table     compare.md
sheet     compare.png
"""
