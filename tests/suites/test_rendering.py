from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("transformers")

from iterpref.errors import InputError
from iterpref.suites.rendering import Renderer
from tests.train.conftest import CHATML, make_tokenizer

PLAIN = Renderer(make_tokenizer())
CHAT = Renderer(make_tokenizer(chat_template=CHATML))


def ids(renderer: Renderer, text: str) -> list[int]:
    return list(renderer.encode(text)["input_ids"])


def test_a_base_model_goes_on_after_a_newline() -> None:
    assert PLAIN.prompt_text("Add one.") == "Add one.\n"
    assert PLAIN.prompt_text("Add one.\n") == "Add one.\n"
    assert PLAIN.completion("x = 1\n") == ("x = 1\n", 0)
    assert PLAIN.extract("```python\nx\n```") == "```python\nx\n```"


def test_an_instruct_model_answers_a_user_message_with_a_fence() -> None:
    assert CHAT.prompt_text("Add one.") == "<|im_start|>user\nAdd one.<|im_end|>\n<|im_start|>assistant\n"
    text, shift = CHAT.completion("x = 1")
    assert text == "```python\nx = 1\n```"
    assert text[shift:].startswith("x = 1")


def test_a_completion_ends_with_the_templates_end_of_turn_else_with_the_end_of_text() -> None:
    assert [CHAT.end_token_id] == ids(CHAT, "<|im_end|>")
    assert [PLAIN.end_token_id] == ids(PLAIN, "<|end|>")
    no_mark = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"
    assert [Renderer(make_tokenizer(chat_template=no_mark)).end_token_id] == ids(PLAIN, "<|end|>")


def test_without_an_end_token_there_is_one_sentence() -> None:
    with pytest.raises(InputError, match="eos_token"):
        Renderer(make_tokenizer(eos_token=None))


def test_a_template_that_fails_is_named() -> None:
    with pytest.raises(InputError, match="only system messages"):
        Renderer(make_tokenizer(chat_template="{{ raise_exception('only system messages') }}"))


def test_begin_of_text_comes_once() -> None:
    begin = make_tokenizer(bos_token="<|begin|>")
    from tokenizers.processors import TemplateProcessing

    begin.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|begin|> $A <|end|>",
        special_tokens=[(name, begin.convert_tokens_to_ids(name)) for name in ("<|begin|>", "<|end|>")],
    )
    (begin_id,) = ids(PLAIN, "<|begin|>")

    plain = Renderer(begin).prompt_ids("hello")
    assert plain == [begin_id, *ids(PLAIN, "hello\n")]

    begin.chat_template = "<|begin|>" + CHATML
    chat = Renderer(begin).prompt_ids("hello")
    assert chat.count(begin_id) == 1
    assert chat[0] == begin_id


def test_a_completion_is_encoded_as_it_follows_the_prompt() -> None:
    text = "return x\n"
    found, offsets = PLAIN.completion_ids("def f(x):", text)

    assert PLAIN.prompt_ids("def f(x):") + found == ids(PLAIN, "def f(x):\n" + text)
    assert [text[start:end] for start, end in offsets] == ["ret", "urn", " x", "\n"]


def test_a_token_across_the_boundary_is_not_used() -> None:
    from tokenizers import Tokenizer, models

    core = Tokenizer(models.BPE({"\n": 0, " ": 1, "\n ": 2, "x": 3, "<e>": 4}, [("\n", " ")]))
    from transformers import PreTrainedTokenizerFast

    renderer = Renderer(PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<e>"))
    assert ids(renderer, "x\n x") == [3, 2, 3]

    assert renderer.prompt_ids("x") == [3, 0]
    assert renderer.completion_ids("x", " x") == ([1, 3], [(0, 1), (1, 2)])


@pytest.mark.parametrize(
    ("generated", "code"),
    [
        ("```python\na\n```\nor\n```py\nb\n```", "b"),
        ("```python\na\n```\nIt prints\n```\n1\n```", "a"),
        ("Sure:\n```\na\n```", "a"),
        ("```python\na\n```\n```python\nunfinished", "a"),
        ("```python\nunfinished\n", "unfinished\n"),
        ("a = 1", "a = 1"),
        ('````python\n"""\n```python\nx\n```\n"""\n````', '"""\n```python\nx\n```\n"""'),
        ("```python title=a.py\na\n```  \n", "a"),
        ("", ""),
    ],
)
def test_the_last_complete_python_block_is_the_program(generated: str, code: str) -> None:
    assert CHAT.extract(generated) == code


@given(st.text(alphabet="ab`\n\r ~", max_size=30))
def test_what_is_rendered_is_extracted_again(code: str) -> None:
    for renderer in (PLAIN, CHAT):
        text, shift = renderer.completion(code)
        assert text[shift : shift + len(code)] == code
        assert renderer.extract(text) == code
