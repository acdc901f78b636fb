{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"processId":123,"rootPath":"mlir","capabilities":{},"trace":"off"}}
// -----
{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{
  "uri":"test:///foo.mlir", "languageId":"mlir", "version":1,
  "text":"tpc.mesh @mesh <[\"tp\"=2]>\nfunc.func @f(%x: tensor<4xf32>) -> tensor<8xf32> {\n  %0 = tpc.all_gather %x dim 0 over @mesh [\"tp\"] : tensor<4xf32> -> tensor<8xf32>\n  return %0 : tensor<8xf32>\n}"
}}}
// -----
{"jsonrpc":"2.0","id":1,"method":"textDocument/hover","params":{"textDocument":{"uri":"test:///foo.mlir"},"position":{"line":2,"character":10}}}
// -----
{"jsonrpc":"2.0","id":3,"method":"shutdown"}
// -----
{"jsonrpc":"2.0","method":"exit"}
