import numpy as np
import pytest

from sparkgen.config.dataset import DatasetConfig
from sparkgen.datasets.captions import caption_form, encode_captions, word_tokenizer
from sparkgen.datasets.record_entry import RecordEntry
from sparkgen.datasets.records import ImageRecord, record_of

FORM = caption_form(word_tokenizer(["a", "leaning", "seven", "übergröße"]), 4)
PADDING = 5


def test_a_caption_is_the_tokens_of_its_words_whatever_their_case_and_the_marks_between() -> None:
    found = encode_captions(["A seven, leaning!", "", "  U\u0308BERGRÖSSE Übergröße"], FORM)
    assert found.tokens.tolist() == [[0, 2, 1, PADDING], [PADDING] * 4, [3, *[PADDING] * 3]]
    assert [dict(one) for one in found.unknown] == [{}, {}, {"übergrösse": 1}]
    assert not found.cut.any()


def test_words_without_a_token_are_counted_and_left_out_and_a_long_caption_is_cut() -> None:
    found = encode_captions(["a dog a dog seven leaning", "<unk> a"], FORM)
    assert found.tokens.tolist() == [[0, 0, PADDING, PADDING], [0, *[PADDING] * 3]]
    assert [dict(one) for one in found.unknown] == [{"dog": 2}, {"unk": 1}]
    assert found.cut.tolist() == [True, False]


def test_captions_are_read_again_from_their_tokens() -> None:
    tokens = encode_captions(["a seven leaning"], FORM).tokens
    assert FORM._written(tokens[0]) == "a seven leaning"


def test_the_form_of_pictures_with_captions_passes_through_plain_json() -> None:
    record = ImageRecord((4, 4, 1), caption=FORM)
    entry = RecordEntry.of(record).model_dump_json()
    assert RecordEntry.model_validate_json(entry).record == record
    assert record != record.bare == ImageRecord((4, 4, 1))
    assert record.schema.names == ["id", "label", "image", "caption"]


def test_a_data_set_without_captions_says_nothing_of_them() -> None:
    config = {"name": "x", "source": {"format": "builtin"}, "shape": [4, 4, 1]}
    dataset = DatasetConfig.model_validate(config)
    assert "captions" not in dataset.model_dump(mode="json")
    assert record_of(dataset).caption is None
    assert "caption_length" not in RecordEntry.of(record_of(dataset)).model_dump()


@pytest.mark.parametrize(
    ("captions", "words"),
    [
        ({"kind": "text_files", "column": "x"}, "column has no meaning"),
        ({"kind": "column"}, "column must name"),
        ({"kind": "drawn", "width": [2.0, 1.0]}, "width must be two rising numbers"),
        ({"kind": "column", "column": "x", "omit": 0.5}, "omit has no meaning"),
    ],
)
def test_keys_of_captions_that_do_not_fit_are_refused(captions: dict, words: str) -> None:
    config = {"name": "x", "source": {"format": "builtin"}, "shape": [4, 4, 1]}
    with pytest.raises(ValueError, match=words):
        DatasetConfig.model_validate({**config, "captions": captions})


def test_a_configuration_with_captions_is_read_again_from_a_manifest() -> None:
    config = {"name": "x", "source": {"format": "builtin"}, "shape": [4, 4, 1]}
    dataset = DatasetConfig.model_validate({**config, "captions": {"kind": "text_files"}})
    assert DatasetConfig.model_validate(dataset.model_dump(mode="json")) == dataset


def test_tokens_are_of_the_least_type_that_holds_padding() -> None:
    assert FORM.dtype == np.uint8
    assert caption_form(word_tokenizer(f"w{n}" for n in range(300)), 4).dtype == np.dtype("<u2")
