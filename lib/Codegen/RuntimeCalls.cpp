//===- RuntimeCalls.cpp --------------------------------------------------------===//

#include "tpc/Codegen/RuntimeCalls.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace tpc;

std::optional<int64_t> tpc::getRuntimeDtype(Type type) {
  if (type.isF32())
    return 0;
  if (type.isF64())
    return 1;
  if (type.isBF16())
    return 2;
  if (type.isInteger(32))
    return 3;
  if (type.isInteger(64))
    return 4;
  if (type.isInteger(1))
    return 5;
  return std::nullopt;
}

RuntimeCalls::RuntimeCalls(ModuleOp module)
    : module(module), pointer(LLVM::LLVMPointerType::get(module.getContext())) {}

Value RuntimeCalls::call(OpBuilder &builder, Location loc, StringRef name, Type resultType,
                         ValueRange operands) {
  LLVM::LLVMFuncOp &function = functions[name];
  if (!function)
    function = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
  if (!function) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    Type result = resultType ? resultType : LLVM::LLVMVoidType::get(builder.getContext());
    auto type = LLVM::LLVMFunctionType::get(result, llvm::to_vector(operands.getTypes()));
    function = LLVM::LLVMFuncOp::create(builder, module.getLoc(), name, type);
  }
  auto call = LLVM::CallOp::create(builder, loc, function, operands);
  return resultType ? call.getResult() : Value();
}

//===-- constants --------------------------------------------------------------===//

std::string RuntimeCalls::getText(StringRef text) {
  std::string &name = constants[("text " + text).str()];
  if (!name.empty())
    return name;
  name = "tpc_text_" + std::to_string(constants.size());
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  std::string terminated = text.str() + '\0';
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), terminated.size());
  LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/true,
                         LLVM::Linkage::Internal, name, builder.getStringAttr(terminated));
  return name;
}

Type RuntimeCalls::getType(const Field &field) {
  Builder builder(module.getContext());
  switch (field.kind) {
  case Field::Int32:
    return builder.getI32Type();
  case Field::Int64:
    return builder.getI64Type();
  case Field::Double:
    return builder.getF64Type();
  case Field::Int64Array:
    return LLVM::LLVMArrayType::get(builder.getI64Type(), field.integers.size());
  case Field::Text:
  case Field::Function:
  case Field::Null:
    return pointer;
  }
  llvm_unreachable("all kinds are listed");
}

Value RuntimeCalls::build(OpBuilder &builder, Location loc, const Field &field) {
  Type type = getType(field);
  switch (field.kind) {
  case Field::Int32:
  case Field::Int64:
    return LLVM::ConstantOp::create(builder, loc, type,
                                    builder.getIntegerAttr(type, field.integers.front()));
  case Field::Double:
    return LLVM::ConstantOp::create(builder, loc, type, builder.getF64FloatAttr(field.real));
  case Field::Int64Array:
    return LLVM::ConstantOp::create(builder, loc, type, builder.getI64TensorAttr(field.integers));
  case Field::Text:
    return getAddress(builder, loc, getText(field.text));
  case Field::Function:
    return getAddress(builder, loc, field.text);
  case Field::Null:
    return LLVM::ZeroOp::create(builder, loc, type);
  }
  llvm_unreachable("all kinds are listed");
}

Type RuntimeCalls::getStructType(ArrayRef<Field> fields) {
  auto types = llvm::map_to_vector(fields, [&](const Field &field) { return getType(field); });
  return LLVM::LLVMStructType::getLiteral(module.getContext(), types);
}

Value RuntimeCalls::buildStruct(OpBuilder &builder, Location loc, ArrayRef<Field> fields) {
  Value value = LLVM::UndefOp::create(builder, loc, getStructType(fields));
  for (auto [number, field] : llvm::enumerate(fields)) {
    Value member = build(builder, loc, field);
    value = LLVM::InsertValueOp::create(builder, loc, value, member, static_cast<int64_t>(number));
  }
  return value;
}

void RuntimeCalls::addStructs(StringRef name, ArrayRef<SmallVector<Field>> structs, bool exported) {
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  Location loc = module.getLoc();
  Type element = getStructType(structs.front());
  Type type = exported ? element : Type(LLVM::LLVMArrayType::get(element, structs.size()));
  auto global = LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true,
                                       exported ? LLVM::Linkage::External : LLVM::Linkage::Internal,
                                       name, Attribute());
  builder.createBlock(&global.getInitializerRegion());
  Value value = exported ? Value() : LLVM::UndefOp::create(builder, loc, type);
  for (auto [number, fields] : llvm::enumerate(structs)) {
    Value member = buildStruct(builder, loc, fields);
    value = exported ? member
                     : LLVM::InsertValueOp::create(builder, loc, value, member,
                                                   static_cast<int64_t>(number));
  }
  LLVM::ReturnOp::create(builder, loc, value);
}

std::string RuntimeCalls::getConstant(StringRef prefix, ArrayRef<Field> fields) {
  std::string contents = prefix.str();
  for (const Field &field : fields) {
    contents +=
        " " + std::to_string(field.kind) + ":" +
        llvm::join(llvm::map_range(field.integers, [](int64_t i) { return std::to_string(i); }),
                   ",");
    contents += ":" + std::to_string(llvm::bit_cast<int64_t>(field.real)) + ":" + field.text;
  }
  std::string &name = constants[contents];
  if (!name.empty())
    return name;
  name = (prefix + "_" + llvm::Twine(constants.size())).str();
  std::string result = name;
  addStructs(result, {SmallVector<Field>(fields)}, /*exported=*/false);
  return result;
}

Value RuntimeCalls::getAddress(OpBuilder &builder, Location loc, StringRef symbol) {
  return LLVM::AddressOfOp::create(builder, loc, pointer, symbol);
}
