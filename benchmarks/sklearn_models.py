"""
Estimators of scikit-learn as ONNX models, by skl2onnx: `sklearn_models.py FOLDER [NAME...]`.

Needs a Python with scikit-learn 1.9, skl2onnx 1.20, onnx and onnxruntime 1.32, and nothing of this
package. Each estimator is trained on three quarters of one of scikit-learn's own data sets. FOLDER
gets, for each of them,

- `NAME.onnx`, with what is written beside the estimator in `ESTIMATORS`;
- `NAME.npz`: the rows of the test set (`x`), what scikit-learn says of them (`label`, `scores`;
  an estimator has both, or one of them) and what ONNX Runtime gives for them (`runtime_label`,
  `runtime_scores`), row by row as a microcontroller sees them;
- `NAME.json`: the estimator as text, its data set, the operators of the model, and why it cannot
  be converted where that is so.
"""

# What it imports is not installed where types are checked.
# pyright: basic, reportMissingImports=false
from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn import (
    calibration,
    cluster,
    compose,
    datasets,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    gaussian_process,
    impute,
    linear_model,
    mixture,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    svm,
    tree,
)
from sklearn import preprocessing as pre
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline, make_union

warnings.filterwarnings("ignore")
onnxruntime.set_default_logger_severity(4)

DATA = {
    "digits": datasets.load_digits,
    "cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "diabetes": datasets.load_diabetes,
}


def scaled(estimator: Any) -> Any:
    """An estimator behind a StandardScaler."""
    return make_pipeline(pre.StandardScaler(), estimator)


def then_logistic(*steps: Any) -> Any:
    """Transformers before a logistic regression."""
    return make_pipeline(*steps, linear_model.LogisticRegression(max_iter=500))


def seeded(kind: Any, **settings: Any) -> Any:
    """An estimator with a fixed seed."""
    return kind(random_state=0, **settings)


def voters() -> list[tuple[str, Any]]:
    """Three classifiers of different kinds."""
    return [
        ("bayes", naive_bayes.GaussianNB()),
        ("tree", seeded(tree.DecisionTreeClassifier, max_depth=4)),
        ("linear", linear_model.LogisticRegression(max_iter=500)),
    ]


def columns() -> Any:
    """Different transformers for different columns of the wines."""
    return compose.ColumnTransformer(
        [
            ("standard", pre.StandardScaler(), [0, 1, 2]),
            ("range", pre.MinMaxScaler(), [5, 6, 12]),
            ("rest", "passthrough", [8, 10]),
        ]
    )


ESTIMATORS: dict[str, tuple[str, Any]] = {
    # Linear models.
    "logistic_regression": ("digits", scaled(linear_model.LogisticRegression())),
    "logistic_regression_binary": ("cancer", scaled(linear_model.LogisticRegression())),
    "linear_regression": ("diabetes", linear_model.LinearRegression()),
    "ridge": ("diabetes", linear_model.Ridge()),
    "lasso": ("diabetes", linear_model.Lasso(alpha=0.1)),
    "elastic_net": ("diabetes", linear_model.ElasticNet(alpha=0.01)),
    "bayesian_ridge": ("diabetes", linear_model.BayesianRidge()),
    "huber_regressor": ("diabetes", scaled(linear_model.HuberRegressor(max_iter=500))),
    "poisson_regressor": ("diabetes", scaled(linear_model.PoissonRegressor())),
    "ridge_classifier": ("wine", scaled(linear_model.RidgeClassifier())),
    "sgd_classifier": ("digits", scaled(seeded(linear_model.SGDClassifier))),
    "sgd_classifier_log_loss": (
        "cancer",
        scaled(seeded(linear_model.SGDClassifier, loss="log_loss")),
    ),
    "sgd_classifier_modified_huber": (
        "digits",
        scaled(seeded(linear_model.SGDClassifier, loss="modified_huber")),
    ),
    "perceptron": ("digits", scaled(seeded(linear_model.Perceptron))),
    # Support vector machines.
    "linear_svc": ("digits", scaled(svm.LinearSVC())),
    "linear_svc_binary": ("cancer", scaled(svm.LinearSVC())),
    "linear_svr": ("diabetes", scaled(svm.LinearSVR())),
    "svc_linear": ("digits", svm.SVC(kernel="linear")),
    "svc_poly": ("digits", svm.SVC(kernel="poly")),
    "svc_rbf": ("digits", svm.SVC()),
    "svc_sigmoid": ("digits", scaled(svm.SVC(kernel="sigmoid"))),
    "svc_binary": ("cancer", scaled(svm.SVC())),
    "svc_probability": ("wine", scaled(seeded(svm.SVC, probability=True))),
    "svc_probability_binary": ("cancer", scaled(seeded(svm.SVC, probability=True))),
    "nu_svc": ("wine", scaled(svm.NuSVC(nu=0.2))),
    "svr": ("diabetes", scaled(svm.SVR(C=100))),
    "nu_svr": ("diabetes", scaled(svm.NuSVR(C=100))),
    "one_class_svm": ("cancer", scaled(svm.OneClassSVM(nu=0.1))),
    # Neighbours, probabilities, networks, clusters.
    "k_neighbors_classifier": ("wine", scaled(neighbors.KNeighborsClassifier())),
    "k_neighbors_classifier_digits": ("digits", neighbors.KNeighborsClassifier(3)),
    "k_neighbors_classifier_distance": (
        "wine",
        scaled(neighbors.KNeighborsClassifier(weights="distance")),
    ),
    "k_neighbors_regressor": ("diabetes", neighbors.KNeighborsRegressor()),
    "local_outlier_factor": (
        "cancer",
        scaled(neighbors.LocalOutlierFactor(novelty=True)),
    ),
    "gaussian_nb": ("wine", naive_bayes.GaussianNB()),
    "bernoulli_nb": (
        "digits",
        make_pipeline(pre.Binarizer(threshold=8), naive_bayes.BernoulliNB()),
    ),
    "multinomial_nb": ("digits", naive_bayes.MultinomialNB()),
    "complement_nb": ("digits", naive_bayes.ComplementNB()),
    "mlp_classifier": (
        "digits",
        scaled(seeded(neural_network.MLPClassifier, hidden_layer_sizes=(32,))),
    ),
    "mlp_classifier_binary": (
        "cancer",
        scaled(seeded(neural_network.MLPClassifier, hidden_layer_sizes=(16,))),
    ),
    "mlp_regressor": (
        "diabetes",
        scaled(seeded(neural_network.MLPRegressor, hidden_layer_sizes=(16,), max_iter=2000)),
    ),
    "k_means": ("digits", seeded(cluster.KMeans, n_clusters=10, n_init=1)),
    "mini_batch_k_means": ("digits", seeded(cluster.MiniBatchKMeans, n_clusters=10, n_init=1)),
    "gaussian_mixture": ("wine", scaled(seeded(mixture.GaussianMixture, n_components=3))),
    "linear_discriminant_analysis": ("wine", discriminant_analysis.LinearDiscriminantAnalysis()),
    "quadratic_discriminant_analysis": (
        "wine",
        discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.01),
    ),
    "gaussian_process_regressor": (
        "diabetes",
        gaussian_process.GaussianProcessRegressor(alpha=1.0, normalize_y=True),
    ),
    "gaussian_process_classifier": (
        "cancer",
        scaled(gaussian_process.GaussianProcessClassifier()),
    ),
    # Trees and ensembles.
    "decision_tree_classifier": ("digits", seeded(tree.DecisionTreeClassifier, max_depth=10)),
    "decision_tree_regressor": ("diabetes", seeded(tree.DecisionTreeRegressor, max_depth=4)),
    "random_forest_classifier": (
        "digits",
        seeded(ensemble.RandomForestClassifier, n_estimators=10, max_depth=8),
    ),
    "random_forest_regressor": (
        "diabetes",
        seeded(ensemble.RandomForestRegressor, n_estimators=10, max_depth=6),
    ),
    "extra_trees_classifier": (
        "digits",
        seeded(ensemble.ExtraTreesClassifier, n_estimators=10, max_depth=8),
    ),
    "extra_trees_regressor": (
        "diabetes",
        seeded(ensemble.ExtraTreesRegressor, n_estimators=10, max_depth=6),
    ),
    "gradient_boosting_classifier": (
        "wine",
        seeded(ensemble.GradientBoostingClassifier, n_estimators=10),
    ),
    "gradient_boosting_classifier_binary": (
        "cancer",
        seeded(ensemble.GradientBoostingClassifier, n_estimators=20),
    ),
    "gradient_boosting_regressor": (
        "diabetes",
        seeded(ensemble.GradientBoostingRegressor, n_estimators=20),
    ),
    "hist_gradient_boosting_classifier": (
        "cancer",
        seeded(ensemble.HistGradientBoostingClassifier, max_iter=10),
    ),
    "hist_gradient_boosting_regressor": (
        "diabetes",
        seeded(ensemble.HistGradientBoostingRegressor, max_iter=10),
    ),
    "ada_boost_classifier": ("wine", seeded(ensemble.AdaBoostClassifier, n_estimators=10)),
    "bagging_classifier": ("wine", seeded(ensemble.BaggingClassifier, n_estimators=5)),
    "bagging_regressor": ("diabetes", seeded(ensemble.BaggingRegressor, n_estimators=5)),
    "isolation_forest": ("cancer", seeded(ensemble.IsolationForest, n_estimators=10)),
    "voting_classifier_hard": (
        "wine",
        ensemble.VotingClassifier(voters(), flatten_transform=False),
    ),
    "voting_classifier_soft": (
        "wine",
        ensemble.VotingClassifier(voters(), voting="soft", flatten_transform=False),
    ),
    "voting_regressor": (
        "diabetes",
        ensemble.VotingRegressor(
            [("a", linear_model.Ridge()), ("b", seeded(tree.DecisionTreeRegressor, max_depth=3))]
        ),
    ),
    "stacking_classifier": ("wine", ensemble.StackingClassifier(voters()[:2])),
    "calibrated_classifier": (
        "wine",
        scaled(calibration.CalibratedClassifierCV(svm.LinearSVC(), ensemble=False)),
    ),
    "one_vs_rest": ("wine", multiclass.OneVsRestClassifier(scaled(voters()[2][1]))),
    "one_vs_one": ("wine", multiclass.OneVsOneClassifier(voters()[2][1])),
    # Transformers, alone and before a classifier.
    "standard_scaler": ("wine", pre.StandardScaler()),
    "min_max_scaler": ("digits", then_logistic(pre.MinMaxScaler())),
    "min_max_scaler_clip": ("wine", pre.MinMaxScaler(clip=True)),
    "max_abs_scaler": ("wine", pre.MaxAbsScaler()),
    "robust_scaler": ("wine", then_logistic(pre.RobustScaler())),
    "normalizer": ("digits", then_logistic(pre.Normalizer())),
    "normalizer_l1": ("digits", pre.Normalizer("l1")),
    "normalizer_max": ("digits", pre.Normalizer("max")),
    "binarizer": ("digits", pre.Binarizer(threshold=8)),
    "power_transformer": ("wine", pre.PowerTransformer()),
    "quantile_transformer": ("wine", pre.QuantileTransformer(n_quantiles=20)),
    "polynomial_features": (
        "diabetes",
        make_pipeline(pre.PolynomialFeatures(2), linear_model.Ridge()),
    ),
    "k_bins_discretizer_ordinal": (
        "wine",
        pre.KBinsDiscretizer(5, encode="ordinal", quantile_method="averaged_inverted_cdf"),
    ),
    "k_bins_discretizer_onehot": (
        "wine",
        then_logistic(
            pre.KBinsDiscretizer(5, encode="onehot-dense", quantile_method="averaged_inverted_cdf")
        ),
    ),
    "one_hot_encoder": (
        "digits as int64",
        then_logistic(pre.OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
    ),
    "ordinal_encoder": (
        "digits as int64",
        pre.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    ),
    "simple_imputer": ("wine with gaps", then_logistic(impute.SimpleImputer())),
    "simple_imputer_median": ("wine with gaps", impute.SimpleImputer(strategy="median")),
    "pca": ("digits", then_logistic(pre.StandardScaler(), decomposition.PCA(16))),
    "truncated_svd": ("digits", then_logistic(seeded(decomposition.TruncatedSVD, n_components=16))),
    "incremental_pca": ("digits", decomposition.IncrementalPCA(16)),
    "kernel_pca": ("wine", scaled(decomposition.KernelPCA(4, kernel="rbf", gamma=0.05))),
    "select_k_best": ("digits", then_logistic(feature_selection.SelectKBest(k=20))),
    "variance_threshold": ("digits", feature_selection.VarianceThreshold(5)),
    "column_transformer": ("wine", then_logistic(columns())),
    "feature_union": (
        "wine",
        then_logistic(make_union(pre.StandardScaler(), decomposition.PCA(4))),
    ),
    "string_labels": ("cancer with names", scaled(linear_model.LogisticRegression())),
    "string_labels_svc": ("wine with names", scaled(svm.SVC())),
}
"""Each estimator by name, with the data set that it is trained on."""


def split(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows and targets for training and for the test, as float32 where nothing else is said."""
    kind, _, variant = name.partition(" ")
    data = DATA[kind]()
    x, y = data.data.astype(np.float32), data.target
    if variant == "as int64":
        x = x[:, :20].astype(np.int64)
    if variant == "with gaps":
        x[np.random.default_rng(0).random(x.shape) < 0.05] = np.nan
    if variant == "with names":
        y = data.target_names[y]
    train_x, test_x, train_y, test_y = train_test_split(x, y, test_size=0.25, random_state=0)
    return train_x, test_x, train_y, test_y


def converted(estimator: Any, rows: np.ndarray) -> Any:
    """The ONNX model, with an array of scores where skl2onnx would make maps of them."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    errors: list[Exception] = []
    for options in ({"zipmap": False}, {"raw_scores": True}, {}):
        for target in (None, {"": 18, "ai.onnx.ml": 3}):
            try:
                given = {id(last): options} if options else None
                return to_onnx(estimator, rows[:1], options=given, target_opset=target)
            except Exception as error:
                errors.append(error)
    raise errors[-1]


def said(estimator: Any, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What scikit-learn says of rows: labels, and the best that it has for scores."""
    found: dict[str, np.ndarray] = {}
    regressor = getattr(estimator, "_estimator_type", None) == "regressor"
    try:
        from sklearn.base import is_regressor

        regressor = is_regressor(estimator)
    except ImportError:
        pass
    if hasattr(estimator, "predict"):
        labels = np.asarray(estimator.predict(rows))
        found["scores" if regressor else "label"] = labels
    for name in ("predict_proba", "decision_function", "transform"):
        if not regressor and hasattr(estimator, name):
            found["scores"] = np.asarray(getattr(estimator, name)(rows))
            break
    return found


def make(name: str, folder: Path) -> None:
    """Trains, converts and asks one estimator."""
    data, estimator = ESTIMATORS[name]
    train_x, test_x, train_y, _ = split(data)
    facts: dict[str, Any] = {
        "estimator": " ".join(str(estimator).split()),
        "data": data,
        "rows": len(test_x),
    }
    estimator.fit(train_x, train_y)
    arrays = {"x": test_x, **said(estimator, test_x)}
    try:
        model = converted(estimator, train_x)
    except Exception as error:
        facts["problem"] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    else:
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
        facts["operators"] = sorted(Counter(it.op_type for it in model.graph.node))
        arrays |= run(model.SerializeToString(), test_x)
    for key, array in arrays.items():
        if array.dtype == object:
            arrays[key] = array.astype(np.str_)
    np.savez_compressed(folder / f"{name}.npz", **arrays)
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")


def run(model: bytes, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What ONNX Runtime gives, row by row; nothing where it does not run the model."""
    try:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        (source,) = session.get_inputs()
        names = [it.name for it in session.get_outputs()]
        results = [session.run(names, {source.name: row[None]}) for row in rows]
    except Exception as error:
        print(f"ONNX Runtime: {str(error).splitlines()[0]}", file=sys.stderr)
        return {}
    return {
        f"runtime_{name}": np.concatenate(
            [np.asarray(result[k]).reshape(1, -1) for result in results]
        )
        for k, name in enumerate(names)
    }


def main(arguments: list[str]) -> int:
    """Makes all estimators, or those that are named."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 1
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name in arguments[1:] or ESTIMATORS:
        make(name, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
