"""`memory-gateway doctor`: of each part, whether it works, and how to mend it.

It changes nothing: no data is made, no model downloaded, no completion asked for. What it prints
holds no key and nothing that anybody said.
"""
