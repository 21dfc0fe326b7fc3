// RUN: nn-opt %s -p onnx-to-nn --split-input-file | filecheck %s
// RUN: nn-opt %s -p onnx-to-nn --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// A convolution works channels last, between transposes; its weights are constants in its order.

func.func @main(%x: tensor<1x3x4x4xf32>) -> tensor<1x2x2x2xf32>
    attributes {onnx.inputs = ["image"], onnx.outputs = ["map"], onnx.remarks = ["a remark"]} {
  %w = onnx.Constant {value = dense<1.0> : tensor<2x3x3x3xf32>} : tensor<2x3x3x3xf32>
  %y = onnx.Conv %x, %w {auto_pad = "SAME_UPPER", group = 1 : i64, strides = array<i64: 2, 2>, since = 11 : i64}
    : (tensor<1x3x4x4xf32>, tensor<2x3x3x3xf32>) -> tensor<1x2x2x2xf32> loc("conv")
  func.return %y : tensor<1x2x2x2xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-SAME: {nn.name = "image"}
// CHECK-SAME: {nn.name = "map"}
// CHECK-SAME: nn.remarks = ["a remark"]
// CHECK-NEXT: nn.transpose
// CHECK-SAME: permutation = array<i64: 0, 2, 3, 1>
// CHECK-NEXT: nn.constant
// CHECK-SAME: tensor<2x3x3x3xf32>
// CHECK-NEXT: nn.conv2d
// CHECK-SAME: strides = array<i64: 2, 2>
// CHECK-SAME: padding = array<i64: 0, 1, 0, 1>
// CHECK-NEXT: nn.transpose
// CHECK-SAME: permutation = array<i64: 0, 3, 1, 2>
// CHECK-NEXT: func.return
// LOC: nn.conv2d
// LOC-SAME: loc("conv")

// -----

// Shapes that are computed are numbers afterwards.

func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x12xf32> {
  %shape = onnx.Shape %x {start = 0 : i64, end = 1 : i64, since = 15 : i64} : (tensor<2x3x4xf32>) -> tensor<1xi64>
  %rest = onnx.Constant {value = dense<-1> : tensor<1xi64>} : tensor<1xi64>
  %wanted = onnx.Concat %shape, %rest {axis = 0 : i64, since = 13 : i64} : (tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  %y = onnx.Reshape %x, %wanted {allowzero = 0 : i64, since = 14 : i64} : (tensor<2x3x4xf32>, tensor<2xi64>) -> tensor<2x12xf32>
  func.return %y : tensor<2x12xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: func.return

// -----

// Before version 13, softmax runs over its axis and all behind it.

func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %y = onnx.Softmax %x {axis = 1 : i64, since = 11 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  func.return %y : tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.softmax
// CHECK-SAME: tensor<2x12xf32>
// CHECK-NEXT: nn.reshape

// -----

// From version 13 on, along its axis only.

func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %y = onnx.Softmax %x {axis = 1 : i64, since = 13 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  func.return %y : tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: nn.softmax
// CHECK-SAME: tensor<2x4x3xf32>
// CHECK-NEXT: nn.transpose

// -----

// Texts are numbers in a list that the result keeps; a map is its values.

func.func @main(%x: tensor<1x2xf32>) -> (tensor<1x1x!onnx.string>, tensor<1x2xf32>)
    attributes {onnx.inputs = ["x"], onnx.outputs = ["label", "scores"]} {
  %names = onnx.Constant {value = ["cat", "dog"]} : tensor<2x!onnx.string>
  %best = onnx.ArgMax %x {axis = 1 : i64, keepdims = 0 : i64, since = 13 : i64} : (tensor<1x2xf32>) -> tensor<1xi64>
  %label = onnx.ArrayFeatureExtractor %names, %best {since = 1 : i64}
    : (tensor<2x!onnx.string>, tensor<1xi64>) -> tensor<1x1x!onnx.string>
  %map = onnx.ZipMap %x {classlabels_int64s = array<i64: 7, 9>, since = 1 : i64} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %label, %map : tensor<1x1x!onnx.string>, tensor<1x2xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-SAME: (tensor<1x1xi32> {nn.name = "label", nn.names = ["cat", "dog"]}, tensor<1x2xf32> {nn.name = "scores", nn.classes = ["7", "9"]})
// CHECK-NEXT: nn.arg_max
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.constant dense<[0, 1]>
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.gather
// CHECK-NEXT: func.return

// -----

// Each direction of a recurrent layer is an op; gates are put in the order of `nn`, input, forget, cell, output.

func.func @main(%x: tensor<3x1x1xf32>, %h: tensor<2x1x1xf32>) -> (tensor<3x2x1x1xf32>, tensor<2x1x1xf32>) {
  %w = onnx.Constant {value = dense<[[[1.0], [2.0], [3.0], [4.0]], [[5.0], [6.0], [7.0], [8.0]]]> : tensor<2x4x1xf32>} : tensor<2x4x1xf32>
  %none = onnx.NoValue : none
  %y, %hn, %cn = onnx.LSTM %x, %w, %w, %none, %none, %h {activations = ["HardSigmoid", "Tanh", "Softsign", "Sigmoid", "LeakyRelu", "LeakyRelu"],
    activation_alpha = array<f32: 0.25, 0.5, 0.75>, activation_beta = array<f32: 0.5>, clip = 2.0 : f32, direction = "bidirectional", hidden_size = 1 : i64, since = 14 : i64}
    : (tensor<3x1x1xf32>, tensor<2x4x1xf32>, tensor<2x4x1xf32>, none, none, tensor<2x1x1xf32>) -> (tensor<3x2x1x1xf32>, tensor<2x1x1xf32>, none)
  func.return %y, %hn : tensor<3x2x1x1xf32>, tensor<2x1x1xf32>
}

// CHECK-LABEL: func.func @main
// CHECK: %[[W:.*]] = nn.constant dense<{{.*}}[1.000000e+00]{{.*}}[3.000000e+00]{{.*}}[4.000000e+00]{{.*}}[2.000000e+00]{{.*}}>
// CHECK: nn.lstm %x, %[[W]]
// CHECK-SAME: activation = "tanh", gate_activation = "hard_sigmoid(0.25, 0.5)", output_activation = "softsign", time_major, sum_clip = 2.000000e+00 : f32}
// CHECK-NOT: reverse
// CHECK: nn.lstm
// CHECK-SAME: activation = "leaky_relu(0.5)", output_activation = "leaky_relu(0.75)", time_major, reverse, sum_clip = 2.000000e+00 : f32}
// CHECK: nn.concat

// -----

// Of trees, every way to compare becomes `x <= split`: "at least 1" is not at most the number before.

func.func @main(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %y = onnx.TreeEnsembleRegressor %x {aggregate_function = "SUM", n_targets = 1 : i64, post_transform = "NONE",
    nodes_treeids = array<i64: 0, 0, 0>, nodes_nodeids = array<i64: 0, 1, 2>, nodes_featureids = array<i64: 1, 0, 0>,
    nodes_modes = ["BRANCH_GTE", "LEAF", "LEAF"], nodes_values = array<f32: 1.0, 0.0, 0.0>,
    nodes_truenodeids = array<i64: 1, 0, 0>, nodes_falsenodeids = array<i64: 2, 0, 0>,
    target_treeids = array<i64: 0, 0>, target_nodeids = array<i64: 1, 2>, target_ids = array<i64: 0, 0>,
    target_weights = array<f32: 5.0, 7.0>, since = 3 : i64} : (tensor<1x2xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.tree_ensemble
// CHECK-SAME: aggregate = "sum", features = dense<1> : tensor<1xi32>, splits = dense<{{.*}}> : tensor<1xf32>
// CHECK-SAME: next = dense<[[-2, -1]]> : tensor<1x2xi32>
// CHECK-SAME: missing = dense<1> : tensor<1xi8>
// CHECK-NEXT: func.return

// -----

// Equal shares of leaves for one class are votes, which are counted.

func.func @main(%x: tensor<1x2xf32>) -> (tensor<1xi64>, tensor<1x3xf32>) {
  %l, %y = onnx.TreeEnsembleClassifier %x {post_transform = "NONE", classlabels_int64s = array<i64: 0, 1, 2>,
    nodes_treeids = array<i64: 0, 1>, nodes_nodeids = array<i64: 0, 0>, nodes_featureids = array<i64: 0, 0>,
    nodes_modes = ["LEAF", "LEAF"], nodes_values = array<f32: 0.0, 0.0>,
    nodes_truenodeids = array<i64: 0, 0>, nodes_falsenodeids = array<i64: 0, 0>,
    class_treeids = array<i64: 0, 0, 1>, class_nodeids = array<i64: 0, 0, 0>, class_ids = array<i64: 1, 0, 2>,
    class_weights = array<f32: 0.5, 0.0, 0.5>, since = 3 : i64} : (tensor<1x2xf32>) -> (tensor<1xi64>, tensor<1x3xf32>)
  func.return %l, %y : tensor<1xi64>, tensor<1x3xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.tree_ensemble
// CHECK-SAME: targets = dense<[1, 2]>
// CHECK-SAME: weights = dense<1> : tensor<2xi32>
// CHECK-NEXT: nn.cast
// CHECK-NEXT: nn.constant dense<2.000000e+00>
// CHECK-NEXT: nn.div
// CHECK-NEXT: nn.arg_max

// -----

// A condition that folds takes one branch, and nothing of the other one; a loop is unrolled.

func.func @main(%x: tensor<2x3xf32>) -> (tensor<?x?xf32>, tensor<?x2x3xf32>) {
  %n = onnx.Constant {value = dense<2> : tensor<i64>} : tensor<i64>
  %none = onnx.NoValue : none
  %size = onnx.Size %x {since = 21 : i64} : (tensor<2x3xf32>) -> tensor<i64>
  %c = onnx.Equal %size, %n {since = 19 : i64} : (tensor<i64>, tensor<i64>) -> tensor<i1>
  %y = onnx.If %c else_branch {
    %b = onnx.Neg %x {since = 13 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
    onnx.Yield %b : tensor<2x3xf32>
  } then_branch {
    %d = onnx.Conv %x, %x {since = 11 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<*xf32>
    onnx.Yield %d : tensor<*xf32>
  } {since = 21 : i64} : (tensor<i1>) -> tensor<2x3xf32>
  %z, %rows = onnx.Loop %n, %none, %y body {
  ^bb0(%i: tensor<i64>, %k: tensor<i1>, %v: tensor<?x?xf32>):
    %w = onnx.Add %x, %v {since = 14 : i64} : (tensor<2x3xf32>, tensor<?x?xf32>) -> tensor<2x3xf32>
    onnx.Yield %k, %w, %w : tensor<i1>, tensor<2x3xf32>, tensor<2x3xf32>
  } {since = 21 : i64} : (tensor<i64>, none, tensor<2x3xf32>) -> (tensor<?x?xf32>, tensor<?x2x3xf32>)
  func.return %z, %rows : tensor<?x?xf32>, tensor<?x2x3xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[B:.*]] = nn.neg %x
// CHECK-NEXT: %[[FIRST:.*]] = nn.add %x, %[[B]]
// CHECK-NEXT: %[[LAST:.*]] = nn.add %x, %[[FIRST]]
// CHECK-NEXT: %[[R0:.*]] = nn.reshape %[[FIRST]]
// CHECK-NEXT: %[[R1:.*]] = nn.reshape %[[LAST]]
// CHECK-NEXT: %[[ROWS:.*]] = nn.concat %[[R0]], %[[R1]] {axis = 0 : i64}
// CHECK-NEXT: func.return %[[LAST]], %[[ROWS]]
