"""`glassgpt datasets prepare` as its user meets it: pipes, nonsense, Ctrl-C, and its memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glassgpt.files.locks import RunLock
from glassgpt.scale.corpus import open_corpus
from support import Command, Result


@pytest.fixture
def prepare(glassgpt: Command) -> Command:
    def run(*arguments: str, command: str = "prepare") -> Result:
        return glassgpt("datasets", command, *arguments)

    return run


def glassgpt(*arguments: str, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "glassgpt", "datasets", "prepare", *arguments]
    return subprocess.Popen(command, **options)  # type: ignore[call-overload]


def test_a_corpus_is_made_reported_and_shown(prepare: Command) -> None:
    status, out, err = prepare("english", "-o", "names")
    assert status == 0
    assert "4,383 lines" in out and "25,991, and 4,384 BOS" in out
    assert "5.9 tokens; the longest 11" in out
    assert err.endswith("wrote names; next: glassgpt train names\n")
    assert "\x1b" not in out + err
    status, out, _ = prepare("names", "-n", "2", command="show")
    assert status == 0 and out.endswith("\n\n  aaliyah\n  aaron\n")
    _, out, _ = prepare("names", "--json", command="show")
    assert json.loads(out)["first"][0] == "aaliyah"


def test_json_is_one_object(prepare: Command) -> None:
    status, out, err = prepare("ten", "-o", "corpora/ten", "--json")
    told = json.loads(out)
    assert (status, err) == (0, "")
    assert (told["num_documents"], told["vocab_size"]) == (10, 17)
    assert (told["tokenizer"], told["normalize"], told["path"]) == (
        "characters", "none", "corpora/ten",
    )  # fmt: skip


def test_the_recipe_of_a_data_set_names_the_normal_form(prepare: Command) -> None:
    assert json.loads(prepare("hindi", "-o", "a", "--json")[1])["normalize"] == "nfd"
    told = json.loads(prepare("hindi", "-o", "b", "--normalize", "none", "--json")[1])
    assert told["normalize"] == "none"


def test_byte_pairs_and_a_second_corpus_of_the_same_tokens(prepare: Command) -> None:
    pytest.importorskip("tokenizers", reason="byte pairs need the tokenizers package")
    status, out, err = prepare("english", "-o", "a", "--tokens", "bytes", "--vocab-size", "400")
    assert status == 0 and "400 tokens with BOS: all bytes and 143 merges" in out
    Path("new.txt").write_text("नया\nnew\n", encoding="utf-8")
    assert prepare("new.txt", "-o", "b", "--tokenizer-from", "a")[0] == 0
    tokenizers = [Path(name, "tokenizer.json").read_bytes() for name in "ab"]
    assert tokenizers[0] == tokenizers[1]
    status, _, err = prepare("ten", "-o", "c", "--tokens", "bytes", "--vocab-size", "5000")
    assert status == 0 and "the vocabulary has 2" in err and "not 5,000" in err


def test_a_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    target = tmp_path / "piped"
    process = glassgpt("-", "-o", str(target), "--documents", "jsonl", stdin=subprocess.PIPE)
    lines = [{"text": "one\ttwo\nthree"}, {"text": ""}, {"text": "क्षि", "more": [1]}]
    process.communicate(b"\n\n".join(json.dumps(line).encode() for line in lines), 30)
    assert process.returncode == 0
    corpus = open_corpus(target)
    texts = [corpus.tokenizer.decode(corpus.document(i).tolist()) for i in range(2)]
    assert texts == ["one\ttwo\nthree", "क्षि"] and corpus.num_documents == 2
    assert corpus.tokenizer.vocabulary().startswith("⇥ ↵ e h n")


def test_a_named_pipe_is_a_pipe(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    os.mkfifo(tmp_path / "fifo")
    process = glassgpt(str(tmp_path / "fifo"), "-o", str(tmp_path / "o"))
    (tmp_path / "fifo").write_bytes(b"ab\ncd\n")
    assert process.wait(30) == 0
    assert open_corpus(tmp_path / "o").num_documents == 2


@pytest.mark.parametrize(
    ("raw", "options", "says"),
    [
        (b"", [], "there is no text in odd"),
        (b"\xef\xbb\xbf", ["--documents", "file"], "there is no text in odd"),
        (b"\n \r\n", [], "there is no text in odd"),
        (b"", ["--tokens", "bytes"], "there is no text in odd"),
        (b"a\nb\n\xe0\xa4", [], "odd, line 3: not UTF-8 (byte 0xe0); save the file as UTF-8"),
        (b"a\n" * 200_000 + b"\xff", [], "odd, line 200001: not UTF-8 (byte 0xff)"),
        ("ab".encode("utf-16"), [], "odd is UTF-16; save it as UTF-8"),
        (b"a\nb\0", ["--documents", "file"], "odd, line 2: a zero byte"),
        (b"a\nb\n" * 100_000 + b"c\x1bd", [], "odd, line 200001: control character '\\x1b'"),
        (b"a\r\nb\rc", ["--documents", "file"], "odd, line 2: control character '\\r'"),
        ("a\n\n  \x85b\x7fc \n".encode(), [], "odd, line 3: control character '\\x7f'"),
        (b"x" * 1_000_001, [], "odd, line 1: longer than 1,000,000 bytes; a line is a document"),
        (b"a\n" + b"x" * 1_000_001 + b"\ny", [], "odd, line 2: longer than 1,000,000 bytes"),
        (b'{"text": "a"}\n{"text"', ["--documents", "jsonl"], "odd, line 2: not a JSON object on"),
        (b"[" * 100_000, ["--documents", "jsonl"], "odd, line 1: not a JSON object on"),
        (b"\n[1]", ["--documents", "jsonl"], "odd, line 2: not a JSON object, which begins with {"),
        (b'{"a": 1, "b": 2}', ["--documents", "jsonl"], "no key 'text'; its keys are 'a', 'b'"),
        (b'{"a": 1}', ["--documents", "jsonl", "--key", "a"], "the value of 'a' is not a text"),
        (b'{"text": "\\u0000"}', ["--documents", "jsonl"], "line 1: control character '\\x00'"),
        (b'{"text": "\\ud800"}', ["--documents", "jsonl"], "odd, line 1: control character '\\ud8"),
        (b"a", ["--documents", "page"], "documents is 'page'; it must be line, file or jsonl"),
        (b"a", ["--tokens", "words"], "--tokens is 'words'; it must be characters or bytes"),
        (b"a", ["--vocab-size", "300"], "--vocab-size is for --tokens bytes"),
        (b"a", ["--tokens", "bytes", "--vocab-size", "256"], "has from 257 (the bytes and BOS)"),
        (b"a", ["--tokens", "bytes", "--vocab-size", "0"], "has from 257 (the bytes and BOS)"),
        (b"a", ["--tokens", "bytes", "-"], "standard input can be read only once, and byte pairs"),
        (b"a", ["-", "-"], "standard input (-) can be read only once"),
        (b"a", ["--key", "a"], "--key is for --documents jsonl"),
        (b"a", ["--normalize", "nfkc"], "normalize is 'nfkc'"),
        (b"a", ["nowhere"], "there is no file 'nowhere' and no data set of that name"),
        (b"a", ["."], ". is a directory; name the files in it, as in ./*.txt"),
        (b"a", ["--tokenizer-from", "."], "tokenizer.json is missing"),
        (b"a", ["--tokenizer-from", ".", "--tokens", "bytes"], "leave out --tokens"),
    ],
)  # fmt: skip
def test_nonsense_is_one_line_and_leaves_nothing(
    prepare: Command, raw: bytes, options: list[str], says: str
) -> None:
    Path("odd").write_bytes(raw)
    status, out, err = prepare("odd", *options, "-o", "out")
    assert (status in (1, 2), out) == (True, "")
    assert says in err and err.startswith("glassgpt: ") and err.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["odd"]


def test_what_is_there_is_not_touched(prepare: Command) -> None:
    Path("out").mkdir()
    Path("broken").symlink_to("nowhere")
    for name in ("out", "broken"):
        status, _, err = prepare("ten", "-o", name)
        assert (status, err) == (
            1,
            f"glassgpt: {name} already exists; remove it or choose another directory\n",
        )
    Path("file").write_text("x")
    status, _, err = prepare("ten", "-o", "file/out")
    assert status == 1 and err.startswith("glassgpt: cannot write file/out: ")


def start_and_wait(target: Path) -> subprocess.Popen[bytes]:
    """A command that has begun to write and waits for the rest of its input."""
    process = glassgpt(
        *("-", "-o", str(target)),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Whoever starts the tests may ignore Ctrl-C, and it would be inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdin
    process.stdin.write(b"name\n" * 200_000)
    process.stdin.flush()
    deadline = time.monotonic() + 30
    while not list(target.parent.glob(f".{target.name}.prepare.tmp/characters.tmp")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_a_kill_leaves_no_corpus_and_the_next_run_clears_up(
    tmp_path: Path, prepare: Command
) -> None:
    target = tmp_path / "corpus"
    process = start_and_wait(target)
    status, _, err = prepare("ten", "-o", "corpus")
    assert (status, err) == (1, "glassgpt: corpus is being prepared by another glassgpt\n")
    process.kill()
    process.communicate()
    assert not target.exists() and len(list(tmp_path.iterdir())) == 1
    (tmp_path / ".corpus.12345678.tmp").write_text("a file of somebody")
    (tmp_path / ".other.12345678.tmp").mkdir()
    assert prepare("ten", "-o", "corpus")[0] == 0
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".corpus.12345678.tmp", ".other.12345678.tmp", "corpus"]
    assert {path.name for path in target.iterdir()} == {
        *("corpus.json", "tokenizer.json", "tokens.bin", "index.bin")
    }
    assert open_corpus(target).num_documents == 10
    RunLock(target).release()  # nobody holds it


@pytest.mark.skipif(os.name != "posix", reason="makes a link")
def test_a_link_in_place_of_the_unfinished_corpus_is_not_followed(
    tmp_path: Path, prepare: Command
) -> None:
    (tmp_path / "diary").mkdir()
    (tmp_path / "diary" / "today").write_text("nothing happened")
    (tmp_path / ".corpus.prepare.tmp").symlink_to("diary")
    status, _, err = prepare("ten", "-o", "corpus")
    assert (status, err) == (1, "glassgpt: .corpus.prepare.tmp is a link; remove it\n")
    assert [path.name for path in (tmp_path / "diary").iterdir()] == ["today"]


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    process = start_and_wait(tmp_path / "corpus")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == b"glassgpt: stopped; nothing is left of what was written\n"
    assert list(tmp_path.iterdir()) == []


MEMORY = """
import sys
from pathlib import Path
from glassgpt.scale.corpus import prepare


def most():  # not ru_maxrss: that begins with what the parent had
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024


source, target, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
prepare(["ten"], target.with_name("warm"), vocab_size=size or None)
before = most()
prepare([source], target, documents="file", vocab_size=size or None)
print(most() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
@pytest.mark.parametrize(("megabytes", "size"), [(60, 0), (10, 500)])
def test_memory_does_not_grow_with_the_text(tmp_path: Path, megabytes: int, size: int) -> None:
    if size:
        pytest.importorskip("tokenizers", reason="byte pairs need the tokenizers package")
    path = tmp_path / "text.txt"
    line = "what is read is forgotten again; क्षि is not ascii\n".encode()
    path.write_bytes(line * (megabytes * 1_000_000 // len(line)))
    command = [sys.executable, "-c", MEMORY, str(path), str(tmp_path / "o"), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < (22_000_000 if size else 10_000_000)
    assert open_corpus(tmp_path / "o").facts.num_bytes > 0.99 * 1_000_000 * megabytes
