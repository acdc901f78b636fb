#include "Cuda/CudnnGraph.h"
#include "tpc/runtime/Error.h"

namespace tpc::runtime {

namespace {
std::vector<int64_t> denseStrides(const std::vector<int64_t> &dims) {
  std::vector<int64_t> strides(dims.size(), 1);
  for (size_t dim = dims.size() - 1; dim-- > 0;)
    strides[dim] = strides[dim + 1] * dims[dim + 1];
  return strides;
}
} // namespace

CudnnDescriptor::CudnnDescriptor(const CudnnLibrary &library, cudnnBackendDescriptorType_t type)
    : library(library) {
  library.check(library.createDescriptor(type, &descriptor), "cudnnBackendCreateDescriptor");
}

void CudnnDescriptor::setArray(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                               int64_t count, const void *values) {
  library.check(library.setAttribute(descriptor, name, type, count, values),
                "cudnnBackendSetAttribute");
}

void CudnnDescriptor::finalize(const char *what) {
  cudnnStatus_t code = library.finalize(descriptor);
  if (code != CUDNN_STATUS_SUCCESS)
    throw Error(hostName() + ": cuDNN refuses " + what + ": " + library.textOf(code));
}

CudnnGraph::Tensor CudnnGraph::make(int64_t uid, cudnnDataType_t type, const Dims &dims,
                                    const Dims &strides, bool isVirtual, bool byValue) {
  auto tensor = std::make_shared<CudnnDescriptor>(library, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor->set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, uid);
  tensor->set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type);
  tensor->set(CUDNN_ATTR_TENSOR_DIMENSIONS, dims);
  tensor->set(CUDNN_ATTR_TENSOR_STRIDES, strides);
  tensor->set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, int64_t(16));
  tensor->set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, isVirtual);
  tensor->set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, byValue);
  tensor->finalize("a tensor");
  return {uid, dims, tensor};
}

CudnnGraph::Tensor CudnnGraph::tensor(int64_t uid, cudnnDataType_t type, const Dims &dims,
                                      const Dims &strides) {
  return make(uid, type, dims, strides, /*isVirtual=*/false, /*byValue=*/false);
}

CudnnGraph::Tensor CudnnGraph::scalar(int64_t uid) {
  return make(uid, CUDNN_DATA_FLOAT, {1, 1, 1, 1}, {1, 1, 1, 1}, /*isVirtual=*/false,
              /*byValue=*/true);
}

CudnnGraph::Tensor CudnnGraph::between(const Dims &dims, cudnnDataType_t type) {
  return between(dims, denseStrides(dims), type);
}

CudnnGraph::Tensor CudnnGraph::between(const Dims &dims, const Dims &strides,
                                       cudnnDataType_t type) {
  return make(nextVirtual++, type, dims, strides, /*isVirtual=*/true, /*byValue=*/false);
}

CudnnDescriptor &CudnnGraph::add(cudnnBackendDescriptorType_t type) {
  operations.push_back(std::make_shared<CudnnDescriptor>(library, type));
  return *operations.back();
}

void CudnnGraph::matmul(const Tensor &a, const Tensor &b, const Tensor &c) {
  auto how = std::make_shared<CudnnDescriptor>(library, CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  how->set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  how->finalize("a matrix product");
  kept.push_back(how);
  CudnnDescriptor &operation = add(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, *a.descriptor);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, *b.descriptor);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, *c.descriptor);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_DESC, *how);
  operation.finalize("a matrix product");
}

void CudnnGraph::pointwise(cudnnPointwiseMode_t mode, const Tensor &x, const Tensor *b,
                           const Tensor &y, cudnnDataType_t precision, int64_t axis,
                           const Tensor *t) {
  auto how = std::make_shared<CudnnDescriptor>(library, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  how->set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode);
  how->set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, precision);
  if (axis >= 0)
    how->set(CUDNN_ATTR_POINTWISE_AXIS, CUDNN_TYPE_INT64, axis);
  how->finalize("an element-wise operation");
  kept.push_back(how);
  CudnnDescriptor &operation = add(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, *how);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *x.descriptor);
  if (b)
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b->descriptor);
  if (t)
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, *t->descriptor);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, *y.descriptor);
  operation.finalize("an element-wise operation");
}

void CudnnGraph::reduce(cudnnReduceTensorOp_t op, const Tensor &x, const Tensor &y) {
  auto how = std::make_shared<CudnnDescriptor>(library, CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  how->set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, op);
  how->set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  how->finalize("a reduction");
  kept.push_back(how);
  CudnnDescriptor &operation = add(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, *how);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, *x.descriptor);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, *y.descriptor);
  operation.finalize("a reduction");
}

void CudnnGraph::reshape(const Tensor &x, const Tensor &y) {
  CudnnDescriptor &operation = add(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, *x.descriptor);
  operation.set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, *y.descriptor);
  operation.finalize("a transposition");
}

CudnnDescriptor &CudnnGraph::finish(const CudnnTarget &target) {
  graph = std::make_unique<CudnnDescriptor>(library, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  std::vector<cudnnBackendDescriptor_t> descriptors;
  for (auto &operation : operations)
    descriptors.push_back(operation->get());
  graph->setArray(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                  static_cast<int64_t>(descriptors.size()), descriptors.data());
  if (target.handle)
    graph->set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, target.handle);
  graph->finalize("a graph of operations");
  return *graph;
}

std::unique_ptr<CudnnDescriptor> CudnnPlan::properties(const CudnnTarget &target) const {
  if (target.properties.empty())
    return nullptr;
  auto result = std::make_unique<CudnnDescriptor>(library, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  result->setArray(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                   static_cast<int64_t>(target.properties.size()), target.properties.data());
  result->finalize("the properties of a device");
  return result;
}

CudnnPlan::CudnnPlan(const CudnnLibrary &library, CudnnGraph givenGraph, const CudnnTarget &target)
    : library(library), graph(std::move(givenGraph)), device(properties(target)) {
  CudnnDescriptor heuristic(library, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph.finish(target));
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, CUDNN_HEUR_MODE_A);
  if (device)
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *device);
  heuristic.finalize("to name engines for this graph");
  constexpr int64_t kMost = 16;
  std::vector<cudnnBackendDescriptor_t> engines;
  for (int64_t i = 0; i < kMost; ++i) {
    kept.push_back(std::make_unique<CudnnDescriptor>(library, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    engines.push_back(kept.back()->get());
  }
  int64_t count = 0;
  library.check(library.getAttribute(heuristic.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                     CUDNN_TYPE_BACKEND_DESCRIPTOR, kMost, &count, engines.data()),
                "cudnnBackendGetAttribute");
  std::string reason = "its heuristic names none";
  for (int64_t i = 0; i < count && i < kMost; ++i) {
    plan = std::make_unique<CudnnDescriptor>(library, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    if (target.handle)
      plan->set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, target.handle);
    if (device)
      plan->set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *device);
    plan->set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, engines[i]);
    cudnnStatus_t code = library.finalize(plan->get());
    if (code == CUDNN_STATUS_SUCCESS) {
      library.check(library.getAttribute(plan->get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                         CUDNN_TYPE_INT64, 1, &count, &workspace),
                    "cudnnBackendGetAttribute");
      return;
    }
    reason = library.textOf(code);
  }
  throw Error(hostName() + ": cuDNN has no engine for this graph: " + reason);
}

void CudnnPlan::execute(cudnnHandle_t handle, const std::vector<int64_t> &uids,
                        const std::vector<void *> &addresses, void *workspaceMemory) const {
  CudnnDescriptor pack(library, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, uids);
  pack.setArray(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
                static_cast<int64_t>(addresses.size()), addresses.data());
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspaceMemory);
  pack.finalize("addresses");
  library.check(library.execute(handle, plan->get(), pack.get()), "cudnnBackendExecute");
}

} // namespace tpc::runtime
