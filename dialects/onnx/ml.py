"""Classical machine learning: the operators of the domain `ai.onnx.ml`."""

from __future__ import annotations

from nnc.dialects.onnx.base import operators

ML_DOMAIN = "ai.onnx.ml"

ML_OPS = operators(
    """
ArrayFeatureExtractor(X, Y) -> Z
Binarizer(X; threshold: f) -> Y
CategoryMapper(X; cats_int64s: is, cats_strings: ss, default_int64: i, default_string: s) -> Y
FeatureVectorizer(X*; inputdimensions: is) -> Y
Imputer(X; imputed_value_floats: fs, imputed_value_int64s: is, replaced_value_float: f,
    replaced_value_int64: i) -> Y
LabelEncoder(X; classes_strings: ss, default_float: f, default_int64: i, default_string: s,
    default_tensor: t, keys_floats: fs, keys_int64s: is, keys_strings: ss, keys_tensor: t,
    values_floats: fs, values_int64s: is, values_strings: ss, values_tensor: t) -> Y
LinearClassifier(X; classlabels_ints: is, classlabels_strings: ss, coefficients: fs, intercepts:
    fs, multi_class: i, post_transform: s) -> Y, Z
LinearRegressor(X; coefficients: fs, intercepts: fs, post_transform: s, targets: i) -> Y
Normalizer(X; norm: s) -> Y
OneHotEncoder(X; cats_int64s: is, cats_strings: ss, zeros: i) -> Y
SVMClassifier(X; classlabels_ints: is, classlabels_strings: ss, coefficients: fs, kernel_params:
    fs, kernel_type: s, post_transform: s, prob_a: fs, prob_b: fs, rho: fs, support_vectors: fs,
    vectors_per_class: is) -> Y, Z
SVMRegressor(X; coefficients: fs, kernel_params: fs, kernel_type: s, n_supports: i, one_class:
    i, post_transform: s, rho: fs, support_vectors: fs) -> Y
Scaler(X; offset: fs, scale: fs) -> Y
TreeEnsemble(X; aggregate_function: i, leaf_targetids: is, leaf_weights: t, membership_values:
    t, n_targets: i, nodes_falseleafs: is, nodes_falsenodeids: is, nodes_featureids: is,
    nodes_hitrates: t, nodes_missing_value_tracks_true: is, nodes_modes: t, nodes_splits: t,
    nodes_trueleafs: is, nodes_truenodeids: is, post_transform: i, tree_roots: is) -> Y
TreeEnsembleClassifier(X; base_values: fs, base_values_as_tensor: t, class_ids: is,
    class_nodeids: is, class_treeids: is, class_weights: fs, class_weights_as_tensor: t,
    classlabels_int64s: is, classlabels_strings: ss, nodes_falsenodeids: is, nodes_featureids:
    is, nodes_hitrates: fs, nodes_hitrates_as_tensor: t, nodes_missing_value_tracks_true: is,
    nodes_modes: ss, nodes_nodeids: is, nodes_treeids: is, nodes_truenodeids: is, nodes_values:
    fs, nodes_values_as_tensor: t, post_transform: s) -> Y, Z
TreeEnsembleRegressor(X; aggregate_function: s, base_values: fs, base_values_as_tensor: t,
    n_targets: i, nodes_falsenodeids: is, nodes_featureids: is, nodes_hitrates: fs,
    nodes_hitrates_as_tensor: t, nodes_missing_value_tracks_true: is, nodes_modes: ss,
    nodes_nodeids: is, nodes_treeids: is, nodes_truenodeids: is, nodes_values: fs,
    nodes_values_as_tensor: t, post_transform: s, target_ids: is, target_nodeids: is,
    target_treeids: is, target_weights: fs, target_weights_as_tensor: t) -> Y
ZipMap(X; classlabels_int64s: is, classlabels_strings: ss) -> Z
""",
    ML_DOMAIN,
)
