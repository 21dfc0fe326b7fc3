// RUN: nn-opt %s -p nn-to-kernel,plan-memory | filecheck %s
// RUN: nn-opt %s -p nn-to-kernel,plan-memory{overlap=false} | filecheck %s --check-prefix APART
// RUN: nn-opt %s -p nn-to-kernel,plan-memory{io=outside} | filecheck %s --check-prefix OUTSIDE

// Every buffer is a view of one arena; an elementwise layer may write over its input.

func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %0 = nn.add %x, %x : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  %1 = nn.mul %0, %0 : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return %1 : tensor<1x4xf32>
}

// CHECK: func.func @main(%arena: memref<16xi8> {kernel.role = "arena"}
// CHECK-SAME: kernel.role = "input", kernel.offset = 0 : i64
// CHECK-SAME: kernel.role = "output", kernel.offset = 0 : i64
// CHECK-SAME: kernel.arena_bytes = 16 : i64, kernel.arena_bound = 16 : i64
// CHECK: [[SUM:%.*]] = kernel.view %arena[0 : i64] : memref<16xi8> to memref<1x4xf32>
// CHECK: kernel.nest "add" ins(%x, %x) outs([[SUM]])
// CHECK-SAME: in_place
// CHECK: kernel.nest "mul"
// CHECK-SAME: in_place

// APART: kernel.arena_bytes = 32 : i64
// APART-NOT: in_place

// OUTSIDE: func.func @main(%arena: memref<16xi8>
// OUTSIDE-NOT: kernel.offset
// OUTSIDE: kernel.view %arena[0 : i64]
