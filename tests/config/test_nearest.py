import pytest

from sparkgen.config.nearest import choose, nearest

MODELS = ["variational.vae", "variational.vq_vae", "autoregressive.made"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("variational.vea", "variational.vae"),
        ("VARIATIONAL.VAE", "variational.vae"),
        ("vae", "variational.vae"),
        ("vqvae", "variational.vq_vae"),
        ("Made", "autoregressive.made"),
        ("zebra", None),
        ("", None),
    ],
)
def test_a_word_is_like_a_whole_name_or_like_its_last_part(word: str, meant: str | None) -> None:
    assert nearest(word, MODELS) == meant


def test_the_ending_of_a_file_is_no_name() -> None:
    assert nearest("x.yaml", ["letters.yaml", "numbers.yaml"]) is None


def test_the_nearest_word_comes_before_all_there_are() -> None:
    assert choose("adan", ["sgd", "adam"]) == "did you mean adam? choose one of sgd, adam"
    assert choose("zebra", ["sgd", "adam"]) == "choose one of sgd, adam"
    assert choose("zebra", []) == "remove it"
