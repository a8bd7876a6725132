"""Write docs/memos-api.md."""

from tests.fields.page import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page())
