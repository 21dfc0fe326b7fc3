// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%x, %y = "test.op"() : () -> (tensor<2xf32>, tensor<3xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.add': expected shapes that broadcast, got [(2,), (3,)]
%z = nn.add %x, %y : (tensor<2xf32>, tensor<3xf32>) -> tensor<3xf32>

// -----

%x, %y = "test.op"() : () -> (tensor<2xf32>, tensor<2xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.mul': expected operands like tensor<2xf32>, got tensor<2xi32>
%z = nn.mul %x, %y : (tensor<2xf32>, tensor<2xi32>) -> tensor<2xf32>

// -----

!q = !quant.uniform<i8:f32, 0.5>
%x = "test.op"() : () -> tensor<2x!q>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.sub': expected a rounding for a quantised output, got none
%z = nn.sub %x, %x : (tensor<2x!q>, tensor<2x!q>) -> tensor<2x!q>

// -----

!q = !quant.uniform<i8:f32, 0.5>
%x = "test.op"() : () -> tensor<2x!q>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.atan2': expected operands of f32, got tensor<2x!quant.uniform<i8:f32, 0.5>>
%z = nn.atan2 %x, %x : (tensor<2x!q>, tensor<2x!q>) -> tensor<2x!q>

// -----

%x = "test.op"() : () -> tensor<2xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.less': expected an output of i1, got tensor<2xi8>
%z = nn.less %x, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi8>

// -----

%x, %y = "test.op"() : () -> (tensor<2xi1>, tensor<2xi8>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.and': expected one element type, got {{.*}}
%z = nn.and %x, %y : (tensor<2xi1>, tensor<2xi8>) -> tensor<2xi1>

// -----

%c, %x = "test.op"() : () -> (tensor<2xi8>, tensor<2xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.select': expected a condition of i1, got tensor<2xi8>
%z = nn.select %c, %x, %x : (tensor<2xi8>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>

// -----

%x = "test.op"() : () -> tensor<2xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.exp': expected an output of shape (2,), got (3,)
%y = nn.exp %x : (tensor<2xf32>) -> tensor<3xf32>

// -----

%x = "test.op"() : () -> tensor<2xi32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.exp': expected an input of f32 or 8 quantised bits or 16 quantised bits, got tensor<2xi32>
%y = nn.exp %x : (tensor<2xi32>) -> tensor<2xi32>

// -----

!q = !quant.uniform<i8:f32, 0.5>
%x = "test.op"() : () -> tensor<2x!q>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.exp': expected an output like tensor<2x!quant.uniform<i8:f32, 0.5>>, got tensor<2xf32>
%y = nn.exp %x : (tensor<2x!q>) -> tensor<2xf32>

// -----

%x, %t = "test.op"() : () -> (tensor<2xf32>, tensor<256xi8>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.lookup': expected a quantised 8-bit input, got tensor<2xf32>
%y = nn.lookup %x, %t : (tensor<2xf32>, tensor<256xi8>) -> tensor<2xi8>

// -----

%x = "test.op"() : () -> tensor<2xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.requantize': expected an input that is quantised, got tensor<2xf32>
%y = nn.requantize %x {rounding = #nn<rounding double>} : (tensor<2xf32>) -> tensor<2xf32>
