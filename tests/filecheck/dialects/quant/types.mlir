// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s | nn-opt | filecheck %s
// RUN: nn-opt %s --print-op-generic | nn-opt | filecheck %s

// CHECK-LABEL: @per_tensor
// CHECK-SAME: tensor<4x!quant.uniform<i8:f32, 0.5:-3>>
// CHECK-SAME: tensor<4x!quant.uniform<u8:f32, 0.1:128>>
// CHECK-SAME: tensor<4x!quant.uniform<i32:f32, 2.0>>
// CHECK-SAME: tensor<4x!quant.uniform<i16:f32, 3.0517578e-05>>
func.func private @per_tensor(
    tensor<4x!quant.uniform<i8:f32, 0.5:-3>>,
    tensor<4x!quant.uniform<u8:f32, 0.1:128>>,
    tensor<4x!quant.uniform<i32:f32, 2>>,
    tensor<4x!quant.uniform<i16:f32, 0.000030517578125>>)

// A zero point of zero is not printed, nor is a range that is the whole of the storage type.
// CHECK-LABEL: @defaults
// CHECK-SAME: tensor<1x!quant.uniform<i8:f32, 0.25>>
// CHECK-SAME: tensor<1x!quant.uniform<i8:f32, 0.25>>
// CHECK-SAME: tensor<1x!quant.uniform<i8<-127:127>:f32, 0.25>>
func.func private @defaults(
    tensor<1x!quant.uniform<i8:f32, 0.25:0>>,
    tensor<1x!quant.uniform<i8<-128:127>:f32, 0.25>>,
    tensor<1x!quant.uniform<i8<-127:127>:f32, 0.25>>)

// CHECK-LABEL: @per_axis
// CHECK-SAME: tensor<3x2x!quant.uniform<i8<-127:127>:f32:1, {0.1, 0.2:1}>>
// CHECK-SAME: tensor<1x!quant.uniform<i4:f32:0, {1.0:-8}>>
func.func private @per_axis(
    tensor<3x2x!quant.uniform<i8<-127:127>:f32:1, {0.1, 0.2:1}>>,
    tensor<1x!quant.uniform<i4:f32:0, {1.0:-8}>>)

// Scales are float32: what is printed is the shortest text that reads back as the same one.
// CHECK-LABEL: @shortest
// CHECK-SAME: tensor<1x!quant.uniform<i8:f32, 0.003921569>>
// CHECK-SAME: tensor<1x!quant.uniform<i8:f32, 1.0e-30>>
func.func private @shortest(
    tensor<1x!quant.uniform<i8:f32, 0.003921568859368563>>,
    tensor<1x!quant.uniform<i8:f32, 0.000000000000000000000000000001>>)
