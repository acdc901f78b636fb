#include "Train/Options.h"
#include "tpc/runtime/Launch.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <set>

namespace tpc::runtime {
namespace {

constexpr const char *kPath = "PATH"; ///< the type that --help names

CLI::Validator number(bool mayBeZero) {
  std::string name = mayBeZero ? "not negative" : "positive";
  return CLI::Validator(
      [=](std::string &text) {
        char *end = nullptr;
        double value = std::strtod(text.c_str(), &end);
        bool good = *end == 0 && std::isfinite(value) && (mayBeZero ? value >= 0 : value > 0);
        return good ? std::string() : "must be a number that is " + name + ", got " + text;
      },
      mayBeZero ? "NUMBER>=0" : "NUMBER>0");
}

CLI::Validator notNegative() { return number(/*mayBeZero=*/true); }

/// CLI11 takes a number that is too large for the largest one.
CLI::Validator wholeNumber() {
  return CLI::Validator(
      [](std::string &text) {
        errno = 0;
        std::strtoll(text.c_str(), nullptr, 10);
        return errno == ERANGE ? text + " does not fit into 64 bits" : std::string();
      },
      "");
}

/// Validators run after parsing; sizes beyond this are typing errors.
CLI::Validator count(int64_t least) {
  return CLI::Range(least, std::numeric_limits<int64_t>::max() / 4);
}

CLI::Validator rendezvous() {
  return CLI::Validator(
      [](std::string &text) {
        try {
          parseRendezvous(text);
          return std::string();
        } catch (const Error &error) {
          return std::string(error.what());
        }
      },
      "URL");
}

void addCommon(CLI::App &app, Options &options) {
  app.add_option("--data", options.data, "token data: .txt (bytes) or .bin (little-endian)")
      ->type_name(kPath);
  app.add_option("--data-dtype", options.dataType, "width of .bin tokens")
      ->check(CLI::IsMember({"u16", "u32"}));
  app.add_option("--load", options.load, "weights: a Hugging Face folder or a checkpoint")
      ->type_name(kPath);
  app.add_option("--comm", options.communicator, "how ranks communicate")
      ->envname("TPC_COMM")
      ->check(CLI::IsMember({"auto", "shm", "mpi", "tcp", "loopback"}));
  app.add_option("--rendezvous", options.rendezvous,
                 "where ranks on several hosts meet: file:///PATH, a file that all hosts see")
      ->envname("TPC_RENDEZVOUS")
      ->check(rendezvous());
  app.add_option("--threads-per-rank", options.threadsPerRank, "threads of each rank")
      ->check(CLI::Range(1, 4096));
  app.add_option("--timeout", options.timeout, "longest wait for another rank, in seconds")
      ->envname("TPC_TIMEOUT")
      ->check(CLI::Range(0.1, 1e9));
  app.add_flag("--deterministic", options.deterministic,
               "on a GPU: only algorithms that give the same bits in every run");
  app.add_option("--measure", options.measure,
                 "run nothing: measure what the ranks' devices and their links do, and write it to "
                 "this file for tpc-compile --machine");
  app.add_flag("--share-gpu", options.shareGpu,
               "several ranks may drive one GPU: for tests, NCCL is slow so and must be told "
               "(docs/cuda.md)");
  app.add_flag("--describe", options.describe, "print mesh, layouts and memory, and end");
  app.add_flag("--print-manifest", options.printManifest, "print the manifest (JSON), and end");
  app.add_flag("--quiet", options.quiet, "no progress, no summary");
}

void addSchedule(CLI::App &app, Options &options) {
  app.add_option("--lr", options.learningRate, "highest learning rate")->check(notNegative());
  app.add_option("--warmup", options.warmup, "steps from a tenth of --lr to --lr")->check(count(0));
  app.add_option("--decay-steps", options.decaySteps, "step at which the cosine ends (--steps)")
      ->check(count(1));
  app.add_option("--min-lr", options.minimumRate, "learning rate at the end")->check(notNegative());
  app.add_option("--weight-decay", options.weightDecay, "of AdamW, on all parameters")
      ->check(notNegative());
  app.add_option("--betas", options.betas, "of AdamW, as in 0.9,0.99")
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  // What never had a gradient (a token that does not occur, padding) is divided by it.
  app.add_option("--eps", options.eps, "of AdamW")->check(number(/*mayBeZero=*/false));
  app.add_option("--clip", options.clip, "largest norm of all gradients, 0 for none")
      ->check(notNegative());
}

void addTraining(CLI::App &app, Options &options) {
  app.add_option("--steps", options.steps, "number of the last step")->check(count(0));
  app.add_option("--seed", options.seed, "of the initial weights")->check(wholeNumber());
  app.add_option("--init", options.init, "initializer_range, or PyTorch's defaults")
      ->check(CLI::IsMember({"normal", "torch"}));
  app.add_option("--validation", options.validation, "held-out data: its loss before and after")
      ->type_name(kPath);
  app.add_option("--ignore-index", options.ignoreIndex, "target that does not count")
      ->check(CLI::Range(int64_t(INT32_MIN), int64_t(INT32_MAX)));
  app.add_option("--save", options.save, "folder of checkpoints")->type_name(kPath);
  app.add_option("--save-every", options.saveEvery, "steps between checkpoints")->check(count(1));
  app.add_flag("--resume", options.resume, "go on from the last checkpoint in --save, if any");
  app.add_option("--export-hf", options.exportFolder, "write a Hugging Face folder at the end")
      ->type_name(kPath);
  app.add_option("--metrics", options.metrics, "file of JSON lines, one per step")
      ->type_name(kPath);
  app.add_option("--profile", options.profile,
                 "file for the median seconds of every op and collective of a step (JSON)")
      ->type_name(kPath);
  app.add_option("--dump-gradients", options.dumpGradients,
                 "gradients of the first step, before clipping (safetensors)")
      ->type_name(kPath);
  app.add_flag("--cuda-graph", options.cudaGraph,
               "on a GPU: record the second step and replay it as one graph from then on");
  addSchedule(app, options);
}

void addForward(CLI::App &app, Options &options) {
  app.add_option("--logits", options.logits, "file to write (safetensors)")->type_name(kPath);
  app.add_option("--inputs", options.inputs,
                 "instead of --data: the inputs of an entry (safetensors)")
      ->type_name(kPath);
  app.add_option("--outputs", options.outputs, "file to write an entry's results to (safetensors)")
      ->type_name(kPath);
  app.add_option("--entry", options.entry, "which entry to run on --inputs");
}

void checkTogether(const Options &options, bool train) {
  if (options.describe || options.printManifest || !options.measure.empty())
    return;
  if (!options.inputs.empty() || !options.outputs.empty()) {
    if (options.inputs.empty() || options.outputs.empty())
      throw Error("--inputs and --outputs belong together");
    if (!options.data.empty() || !options.logits.empty())
      throw Error("--inputs excludes --data and --logits");
    return;
  }
  if (options.betas.size() != 2 || !(options.betas[0] >= 0 && options.betas[0] < 1) ||
      !(options.betas[1] >= 0 && options.betas[1] < 1))
    throw Error("--betas must be two numbers from 0 to below 1, as in 0.9,0.99");
  if (options.data.empty() && (!train || options.steps > 0))
    throw Error(train ? "--data is required" : "--data is required, or --inputs and --outputs");
  if (!train && options.load.empty())
    throw Error("--load is required: the weights to run with");
  if (!train && options.logits.empty())
    throw Error("--logits is required: the file to write");
  if (options.save.empty() && (options.resume || options.saveEvery))
    throw Error(std::string(options.resume ? "--resume" : "--save-every") +
                " needs --save: the folder of checkpoints");
  if (options.cudaGraph && !options.profile.empty())
    throw Error("--cuda-graph and --profile exclude each other: an op of a graph has no time of "
                "its own");
  if (options.resume && !options.load.empty())
    throw Error("--load and --resume exclude each other: both say where weights come from");
}

/// "1e-3" and "0.001" are one number.
std::string oneSpelling(const std::string &text) {
  char *end = nullptr;
  char printed[32];
  long long integer = std::strtoll(text.c_str(), &end, 10);
  if (!text.empty() && *end == 0)
    return std::to_string(integer);
  double number = std::strtod(text.c_str(), &end);
  return text.empty() || *end
             ? text
             : std::string(printed, std::to_chars(printed, std::end(printed), number).ptr);
}

/// Of a flag: given or not; of an option: its value, or its standard value.
std::string valueOf(const CLI::Option &option) {
  bool given = option.count() > 0;
  if (option.get_expected_max() == 0 || option.get_type_name() == kPath)
    return given ? "given" : "not given";
  std::string text = given ? CLI::detail::join(option.reduced_results()) : option.get_default_str();
  std::string printed;
  for (const std::string &part : CLI::detail::split(CLI::detail::trim(text, "[]"), ','))
    printed += (printed.empty() ? "" : ",") + oneSpelling(part);
  return printed;
}

/// All but what concerns a rank by itself.
std::vector<std::pair<std::string, std::string>> mustAgree(const CLI::App &app) {
  const std::set<std::string> own = {"--help",  "--comm",    "--rendezvous", "--threads-per-rank",
                                     "--quiet", "--metrics", "--timeout"};
  std::vector<std::pair<std::string, std::string>> values;
  for (const CLI::Option *option : app.get_options())
    if (std::string name = option->get_name(); !own.count(name))
      values.emplace_back(name, valueOf(*option));
  return values;
}

/// CLI11 names the option, whether its value is from the command line or from the environment.
std::string printParseError(const CLI::App &app, std::string text) {
  for (const CLI::Option *option : app.get_options()) {
    std::string name = option->get_name(), variable = option->get_envname();
    if (!variable.empty() && text.rfind(name + ":", 0) == 0 && std::getenv(variable.c_str()))
      text.insert(name.size(), " (or " + variable + ")");
  }
  return text + " (see --help)";
}

} // namespace

Options parseOptions(int argc, const char *const *argv, bool train) {
  Options options;
  CLI::App app(train ? "A training program made by tpc-compile. Start it with tpc-run."
                     : "A forward program made by tpc-compile. Start it with tpc-run.");
  app.option_defaults()->always_capture_default()->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);
  addCommon(app, options);
  if (train)
    addTraining(app, options);
  else
    addForward(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp &) {
    throw HelpAsked(app.help());
  } catch (const CLI::ParseError &error) {
    throw Error(printParseError(app, error.what()));
  }
  checkTogether(options, train);
  options.together = mustAgree(app);
  return options;
}

} // namespace tpc::runtime
