"""An error that nobody expected, as one line."""

import json

from sparkgen.distribution.trouble import unexpected
from sparkgen.unexpected import MESSAGE_CHARACTERS, describe


def caught(run):
    try:
        run()
    except Exception as error:
        return error
    raise AssertionError


def test_an_error_is_named_with_the_innermost_line_that_is_not_of_a_library():
    line = describe(caught(lambda: json.loads("nothing")))
    assert line.startswith("JSONDecodeError: Expecting value: line 1 column 1 (char 0) (")
    assert f"{__file__}:" in line
    assert "decoder.py" not in line


def test_a_long_message_of_many_lines_becomes_a_short_one():
    def fail():
        raise ValueError("word\n" * 1000)

    line = describe(caught(fail))
    assert "\n" not in line
    assert len(line) < MESSAGE_CHARACTERS + 300


def test_a_full_or_locked_folder_is_told_beside_the_error_itself(tmp_path):
    (tmp_path / "file").touch()
    error = unexpected(caught(lambda: 1 / 0), rank=3, log_folder=str(tmp_path / "file" / "logs"))
    assert str(error).startswith("ZeroDivisionError: division by zero (")
    assert "; the traceback could not be written (" in str(error)
    written = unexpected(caught(lambda: 1 / 0), rank=3, log_folder=str(tmp_path))
    assert str(written).endswith(f"; the traceback is in {tmp_path}/worker-3-traceback.txt")
