"""
Trains the classifier of this folder: `train.py`. Needs scikit-learn, skl2onnx and onnx.

Writes breast_cancer.onnx, and test_rows.npz with the rows that it was not trained with (`rows`) and
what scikit-learn says of them (`labels`, texts).
"""

# What it imports is not installed where types are checked.
# pyright: basic, reportMissingImports=false
from __future__ import annotations

from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

FOLDER = Path(__file__).parent

data = load_breast_cancer()
rows = data.data.astype(np.float32)
train_rows, test_rows, train_labels, test_labels = train_test_split(
    rows, data.target_names[data.target], test_size=0.25, random_state=0
)
classifier = make_pipeline(StandardScaler(), SVC(probability=True, random_state=0))
classifier.fit(train_rows, train_labels)
print(f"{100 * classifier.score(test_rows, test_labels):.1f} % of {len(test_rows)} test rows right")

options = {id(classifier.steps[-1][1]): {"zipmap": False}}
model = to_onnx(classifier, train_rows[:1], options=options, target_opset={"": 18, "ai.onnx.ml": 3})
(FOLDER / "breast_cancer.onnx").write_bytes(model.SerializeToString())
labels = classifier.predict(test_rows).astype(np.str_)
np.savez_compressed(FOLDER / "test_rows.npz", rows=test_rows, labels=labels)
