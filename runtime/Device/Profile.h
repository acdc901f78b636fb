// Seconds of every op and collective of a program, step by step.
#ifndef TPC_RUNTIME_DEVICE_PROFILE_H
#define TPC_RUNTIME_DEVICE_PROFILE_H

#include "tpc/runtime/Context.h"
#include <string>
#include <vector>

namespace tpc::runtime {

/// One rank's. Ops are known by their position in the entry, which is the same in every step and in
/// the trace of `tpc-compile --trace`.
class Profile {
public:
  explicit Profile(size_t collectives) : collectives(collectives) {}

  /// What follows belongs to the next step.
  void beginStep();
  /// The next op of the step and its time, which has come when the step ends; `op` is a literal.
  void addOp(const char *op, Span span);
  /// Part of collective `number` took so long: its start or its wait.
  void addCollective(int64_t number, double seconds);
  void endStep(double seconds);

  /// All ranks call it; rank 0 writes `path` (docs/running.md), the others send what they have.
  /// A collective's time is that of the rank that waited least, medians are over steps, the first
  /// left out where there are others. Throws Error.
  void write(const std::string &path, tpc_context &context) const;

private:
  struct Op {
    const char *name;
    std::vector<float> seconds; ///< by step
  };
  std::vector<double> steps;
  std::vector<Op> ops;
  std::vector<Span> spans;                     ///< of the ops of the step under way
  std::vector<std::vector<float>> collectives; ///< by number, by step
  size_t begun = 0;
};

/// The time of one call from generated code, if the rank is profiled.
class ProfileScope {
public:
  ProfileScope(tpc_context *context, const char *op) : context(context), op(op) { mark(begin); }
  ~ProfileScope() {
    std::unique_ptr<Mark> end;
    if (begin && (mark(end), end))
      context->profile->addOp(op, {std::move(begin), std::move(end)});
  }
  ProfileScope(const ProfileScope &) = delete;
  ProfileScope &operator=(const ProfileScope &) = delete;

private:
  void mark(std::unique_ptr<Mark> &moment) noexcept;
  tpc_context *context;
  const char *op;
  std::unique_ptr<Mark> begin;
};

} // namespace tpc::runtime

#endif
