"""Records librosa's log-mel spectrograms: `python tests/oracles/mel.py`, where librosa is installed."""

from pathlib import Path

import librosa
import numpy as np

CASES = {"narrow": (8000, 256, 128, 40, 0.0, None), "wide": (22050, 512, 160, 64, 50.0, 8000.0)}


def main() -> None:
    """Writes mel.npz beside this file."""
    arrays = {"wave": np.random.default_rng(0).normal(0, 0.1, 3000).astype(np.float32)}
    for name, (rate, window, hop, mels, low, high) in CASES.items():
        options = {"sr": rate, "n_fft": window, "n_mels": mels, "fmin": low, "fmax": high}
        power = librosa.feature.melspectrogram(y=arrays["wave"], hop_length=hop, center=False, **options)
        arrays[name] = librosa.power_to_db(power, top_db=None).T.astype(np.float32)
        arrays[f"{name}_filters"] = librosa.filters.mel(**options).astype(np.float32)
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **arrays)


if __name__ == "__main__":
    main()
