// The command line of a compiled program.
#ifndef TPC_RUNTIME_TRAIN_OPTIONS_H
#define TPC_RUNTIME_TRAIN_OPTIONS_H

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace tpc::runtime {

struct Options {
  std::string data, dataType = "u16", validation;
  int64_t steps = 100;
  int64_t seed = 0;
  std::string load, exportFolder, save;
  int64_t saveEvery = 0;
  bool resume = false;
  double learningRate = 1e-3, minimumRate = 0, weightDecay = 0.1, eps = 1e-8, clip = 1;
  std::vector<double> betas = {0.9, 0.99};
  int64_t warmup = 0, decaySteps = -1; ///< -1: `steps`
  int64_t ignoreIndex = -100;
  std::string init = "normal";
  std::string metrics, profile, dumpGradients, logits;
  std::string entry = "forward", inputs, outputs;
  std::string communicator = "auto";
  std::string rendezvous; ///< a URL
  int threadsPerRank = 0; ///< 0: found out
  double timeout = 60;    ///< seconds
  bool deterministic = false, shareGpu = false, cudaGraph = false;
  std::string measure;
  bool describe = false, printManifest = false, quiet = false;
  /// Flags by name that all ranks must have alike, with their values in one spelling. Paths may
  /// differ from host to host, so only that they are given must not.
  std::vector<std::pair<std::string, std::string>> together;
};

/// `--help` was asked for: `what()` is the text to print.
class HelpAsked : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Reads the flags of a train or forward program. Throws Error naming the flag, or HelpAsked.
Options parseOptions(int argc, const char *const *argv, bool train);

} // namespace tpc::runtime

#endif
