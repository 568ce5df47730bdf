"""Two runs of pytest end with one closing line, and neither can fail unnoticed."""

from tests.together import BESIDE, TESTS, closing, counts, rest

GREEN = "...\n===== 120 passed, 2 skipped, 1 warning in 61.02s (0:01:01) =====\n"
RED = "...\n=== 1 failed, 30 passed, 2 warnings, 1 error in 5.10s ===\n"


def test_no_folder_of_tests_is_left_out() -> None:
    with_tests = {file.relative_to(TESTS).parts[0] for file in TESTS.rglob("test_*.py")}
    assert with_tests <= {*BESIDE, *rest(TESTS)}
    assert not set(BESIDE) & set(rest(TESTS))


def test_the_counts_of_both_are_added_up() -> None:
    line = closing(counts([GREEN, RED]), 3671.5)
    assert line.strip("= ") == (
        "1 failed, 150 passed, 2 skipped, 3 warnings, 1 error in 3671.50s (1:01:11)"
    )


def test_a_run_that_broke_off_is_an_error() -> None:
    assert counts([GREEN, "tests/unit/test_x.py ..."])["error"] == 1
    assert counts([GREEN, ""])["error"] == 1


def test_colours_are_no_part_of_a_count() -> None:
    coloured = "\x1b[32m=== \x1b[32m\x1b[1m7 passed\x1b[0m\x1b[32m in 1.00s ===\x1b[0m\n"
    assert counts([coloured])["passed"] == 7
