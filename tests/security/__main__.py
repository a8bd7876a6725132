"""`make security`: every test that is marked with a row of the tables, and the tables."""

import sys

import pytest

from tests.security import supply_chain
from tests.security.report import Report

if __name__ == "__main__":
    report = Report()
    options = ["-q", "-m", "security", "--no-header", "--show-capture=no", *sys.argv[1:]]
    code = pytest.main(options, plugins=[report])
    supply_chain.main()
    sys.exit(code or bool(report.wrong()))
