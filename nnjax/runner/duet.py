"""`nnjax duet`: a melody is played to a trained net, which answers it, as MIDI, sound and pictures."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnjax.data.abc_keys import parse_key
from nnjax.data.melody import SIXTEENTHS, Key
from nnjax.data.midi import write_midi
from nnjax.data.notes import spell_notes
from nnjax.data.synthesiser import RATE, synthesise
from nnjax.data.tune_files import MIDI, read_melody
from nnjax.data.wav import write_wav
from nnjax.errors import EXIT_OK, ConfigError, DataError, StorageError
from nnjax.runner.configure import configure
from nnjax.runner.duet_player import Answer, answer, check_partner, share_in_key
from nnjax.runner.run_folder import find_run
from nnjax.runner.saved import open_run

FLUTE, HARP = 73, 46  # of General MIDI
BEATS = (2, 4, 8, 16)


class Written(NamedTuple):
    """The files of an answer.

    Attributes:
        midi: The answer, or question and answer on two tracks.
        sound: Question and answer, one after the other.
        roll: Their piano roll.
        spectrogram: Of the sound.
    """

    midi: Path
    sound: Path
    roll: Path
    spectrogram: Path


def command(words: Sequence[str]) -> int:
    """`nnjax duet RUN --melody MELODY -o out.mid`."""
    options = _parser().parse_args(list(words))
    about = {"key": _key(options.key), "metre": _metre(options.metre), "tempo": _tempo(options.tempo)}
    out = _target(options.out)
    folder = find_run(options.run)
    question = read_melody(options.melody, **{name: value for name, value in about.items() if value})
    upbeat = None if options.upbeat is None else round(options.upbeat * SIXTEENTHS / 4)
    configure()
    run = open_run(folder)
    check_partner(run.params, folder)
    said = answer(run.params, question, options.bars, options.temperature, options.seed, upbeat)
    written = write_answer(said, out, options.alone)
    print(describe(said))
    print(*written, sep="\n")
    return EXIT_OK


def write_answer(said: Answer, out: Path, alone: bool = False) -> Written:
    """Writes the MIDI file and, beside it, the sound, the piano roll and the spectrogram.

    Args:
        said: The answer.
        out: The MIDI file; the others have its name with .wav, .png and -spectrogram.png.
        alone: Whether the MIDI file has the answer alone, and not after the question.

    Raises:
        StorageError: If a file cannot be written.
    """
    from nnjax.runner import plots

    question, reply = said.in_time()
    sound = synthesise(question, reply)  # first: what cannot be played leaves no file
    if alone:
        write_midi(out, said.melody, programs=(HARP,))
    else:
        write_midi(out, question._replace(title="question"), reply, programs=(FLUTE, HARP))
    wav = write_wav(out.with_suffix(".wav"), sound, RATE)
    names = {"question": question, "answer": reply}
    roll = plots.piano_roll_figure(names, said.frame.bar, said.frame.start, f"In {said.frame.key}")
    spectrogram = plots.spectrogram_figure(sound, RATE, "Question and answer")
    return Written(
        out,
        wav,
        plots.save(roll, out.with_suffix(".png")),
        plots.save(spectrogram, out.with_name(f"{out.stem}-spectrogram.png")),
    )


def describe(said: Answer) -> str:
    """The answer in notes, and what can be counted about it."""
    tune, frame = said.melody, said.frame
    beats = "/".join(map(str, tune.metre))
    spent = 1000 * float(np.median(said.seconds))
    return (
        f"{frame.key}, {beats}: {tune.length // frame.bar} bars, {len(tune.pitches)} notes, "
        f"{share_in_key(tune, frame.key):.0%} of them in the key; {spent:.1f} ms a note\n{spell_notes(tune)}"
    )


def _parser() -> argparse.ArgumentParser:
    from nnjax.runner.commands import Parser

    parser = Parser("nnjax duet", description="Answers a melody with one of its own.")
    parser.add_argument("run", metavar="RUN", help="a run of the experiment duet, or its name")
    text = "a MIDI or ABC file, a tune in ABC, or notes: C4 D4 E4:2 R:1/2 F#4"
    parser.add_argument("--melody", required=True, metavar="MELODY", help=text)
    parser.add_argument("-o", "--out", default="answer.mid", metavar="FILE", help="a .mid file (%(default)s)")
    text = "how many bars; as many as the melody has if left out"
    parser.add_argument("--bars", "--length", dest="bars", type=int, metavar="N", help=text)
    text = "below 1 plays safe, above 1 dares more (%(default)s)"
    parser.add_argument("--temperature", type=float, default=0.8, metavar="T", help=text)
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="another one, another answer")
    parser.add_argument("--alone", action="store_true", help="the answer without the melody in the MIDI file")
    parser.add_argument("--key", metavar="KEY", help="such as G, Bb or F#m; found where the melody says none")
    parser.add_argument("--metre", metavar="M", help="such as 3/4 or 6/8; 4/4 where the melody says none")
    parser.add_argument("--tempo", type=float, metavar="BPM", help="crotchets in a minute")
    text = "crotchets before the first full bar; looked for if left out"
    parser.add_argument("--upbeat", type=float, metavar="N", help=text)
    return parser


def _seed(text: str) -> int:
    if not 0 <= int(text) < 2**32:
        raise argparse.ArgumentTypeError(f"wanted 0 to {2**32 - 1}, got {text}")
    return int(text)


def _key(text: str | None) -> Key | None:
    if text is None:
        return None
    try:
        signature = parse_key("--key", text)
    except DataError as error:
        raise ConfigError(str(error)) from None
    if signature is None or signature.key is None:
        raise ConfigError(f"--key wants a key such as G, Bb or F#m, got {text!r}")
    return signature.key


def _metre(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,2})/(\d{1,2})", text)
    if not found or not 1 <= int(found[1]) <= 16 or int(found[2]) not in BEATS:
        raise ConfigError(f"--metre wants a metre such as 3/4 or 6/8, got {text!r}")
    return int(found[1]), int(found[2])


def _tempo(value: float | None) -> float | None:
    if value is not None and not 10 <= value <= 400:
        raise ConfigError(f"--tempo wants 10 to 400 crotchets in a minute, got {value:g}")
    return value


def _target(text: str) -> Path:
    out = Path(text).expanduser()
    if out.suffix.lower() not in MIDI:
        raise ConfigError(f"--out wants a name that ends in .mid, got {text!r}")
    if not out.parent.is_dir():
        raise StorageError(f"{out.parent}: no such folder to write into")
    return out
