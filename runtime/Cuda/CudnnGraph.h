// Graphs of cuDNN's backend interface, and plans to execute them.
#ifndef TPC_RUNTIME_CUDA_CUDNNGRAPH_H
#define TPC_RUNTIME_CUDA_CUDNNGRAPH_H

#include "Cuda/CudnnLibrary.h"
#include <memory>
#include <vector>

namespace tpc::runtime {

/// A descriptor, owned. Setters throw Error with what cuDNN says.
class CudnnDescriptor {
public:
  CudnnDescriptor(const CudnnLibrary &library, cudnnBackendDescriptorType_t type);
  ~CudnnDescriptor() { library.destroyDescriptor(descriptor); }
  CudnnDescriptor(const CudnnDescriptor &) = delete;
  CudnnDescriptor &operator=(const CudnnDescriptor &) = delete;

  cudnnBackendDescriptor_t get() const { return descriptor; }

  template <typename T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T &value) {
    setArray(name, type, 1, &value);
  }
  void set(cudnnBackendAttributeName_t name, const std::vector<int64_t> &values) {
    setArray(name, CUDNN_TYPE_INT64, static_cast<int64_t>(values.size()), values.data());
  }
  void set(cudnnBackendAttributeName_t name, const CudnnDescriptor &value) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, value.descriptor);
  }
  void setArray(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                const void *values);
  void finalize(const char *what);

private:
  const CudnnLibrary &library;
  cudnnBackendDescriptor_t descriptor = nullptr;
};

/// What a plan is made for: the device of a handle, or one described by its properties, which needs
/// no device.
struct CudnnTarget {
  cudnnHandle_t handle = nullptr;
  std::string properties; ///< JSON of CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION
};

/// Tensors of four dimensions and operations on them, in f32 unless said otherwise.
class CudnnGraph {
public:
  explicit CudnnGraph(const CudnnLibrary &library) : library(library) {}

  using Dims = std::vector<int64_t>;
  struct Tensor {
    int64_t uid;
    Dims dims;
    std::shared_ptr<CudnnDescriptor> descriptor;
  };

  /// In memory, at the address that execute() gets for `uid`.
  Tensor tensor(int64_t uid, cudnnDataType_t type, const Dims &dims, const Dims &strides);
  /// A scalar that execute() gets by address in host memory.
  Tensor scalar(int64_t uid);
  /// Between operations only; dense.
  Tensor between(const Dims &dims, cudnnDataType_t type = CUDNN_DATA_FLOAT);
  Tensor between(const Dims &dims, const Dims &strides, cudnnDataType_t type);

  void matmul(const Tensor &a, const Tensor &b, const Tensor &c);
  /// `y` = mode(x), mode(x, b), or for a selection t ? x : b. `axis` is that of an index.
  void pointwise(cudnnPointwiseMode_t mode, const Tensor &x, const Tensor *b, const Tensor &y,
                 cudnnDataType_t precision = CUDNN_DATA_FLOAT, int64_t axis = -1,
                 const Tensor *t = nullptr);
  void reduce(cudnnReduceTensorOp_t op, const Tensor &x, const Tensor &y);
  /// The same elements in another order of dimensions, as the strides of `y` say.
  void reshape(const Tensor &x, const Tensor &y);

  /// The graph as a descriptor; no operations are added afterwards.
  CudnnDescriptor &finish(const CudnnTarget &target);

private:
  Tensor make(int64_t uid, cudnnDataType_t type, const Dims &dims, const Dims &strides,
              bool isVirtual, bool byValue);
  CudnnDescriptor &add(cudnnBackendDescriptorType_t type);

  const CudnnLibrary &library;
  int64_t nextVirtual = 1000;
  std::vector<std::shared_ptr<CudnnDescriptor>> operations, kept;
  std::unique_ptr<CudnnDescriptor> graph;
};

/// How one graph is executed on one kind of device.
class CudnnPlan {
public:
  /// The first of the engines that cuDNN's heuristic names which takes the graph. Throws Error if
  /// none does.
  CudnnPlan(const CudnnLibrary &library, CudnnGraph graph, const CudnnTarget &target);

  int64_t workspaceBytes() const { return workspace; }
  /// Gives the work to the stream of `handle`: `addresses` of the tensors `uids`.
  void execute(cudnnHandle_t handle, const std::vector<int64_t> &uids,
               const std::vector<void *> &addresses, void *workspaceMemory) const;

private:
  std::unique_ptr<CudnnDescriptor> properties(const CudnnTarget &target) const;

  const CudnnLibrary &library;
  CudnnGraph graph;
  std::unique_ptr<CudnnDescriptor> device, plan;
  std::vector<std::unique_ptr<CudnnDescriptor>> kept;
  int64_t workspace = 0;
};

} // namespace tpc::runtime

#endif
