"""`make faults`: every test that is marked with a row of the table, and the table."""

import sys

import pytest

from tests.faults.report import Report

if __name__ == "__main__":
    report = Report()
    code = pytest.main(["-q", "-m", "fault", "--no-header", *sys.argv[1:]], plugins=[report])
    sys.exit(code or bool(report.wrong()))
