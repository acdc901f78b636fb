// The training loop.
#include "Device/Profile.h"
#include "IO/AsideFile.h"
#include "Train/Checkpoint.h"
#include "Train/Feed.h"
#include "Train/Metrics.h"
#include "Train/Peak.h"
#include "Train/Schedule.h"
#include "Train/SharedFile.h"
#include "Train/Training.h"

#include <cmath>
#include <deque>
#include <limits>
#include <optional>

namespace tpc::runtime {
namespace {

class TrainLoop {
public:
  TrainLoop(Program &program, const Options &options, double peak)
      : program(program), options(options), manifest(program.manifest()), peak(peak),
        quiet(options.quiet || program.rank() != 0),
        schedule{options.learningRate, options.minimumRate, options.warmup,
                 options.decaySteps < 0 ? options.steps : options.decaySteps} {}

  void run() {
    openData();
    startingPoint();
    metrics.emplace(program.rank() == 0 ? options.metrics : "", progress.step);
    lossBefore = validate();
    if (options.cudaGraph)
      program.record("step");
    if (options.profile.empty())
      trainSteps();
    else
      profileSteps();
    lossAfter = firstStep < progress.step ? validate() : lossBefore;
    if (!options.save.empty() && saved != progress.step)
      save();
    if (!options.exportFolder.empty())
      exportHuggingFace(program, options.exportFolder);
    if (!quiet)
      summarize();
  }

private:
  /// A step that the device may still be at work on.
  struct StepUnderWay {
    StepMetrics metrics;
    Span span;
    std::vector<tpc_context::Wait> waits;
    bool timesCollectives = true;
    FetchedScalar loss, gradientNorm;
    std::unique_ptr<Mark> fetched;
  };

  void openData() {
    auto open = [&](const std::string &path, int64_t sequences, std::optional<TokenData> &data) {
      if (path.empty())
        return;
      data.emplace(path, options.dataType, manifest.sequence, manifest.vocabulary);
      checkSameData(program, *data, sequences);
    };
    int64_t all = std::numeric_limits<int64_t>::max();
    open(options.data, options.steps < all / manifest.batch ? options.steps * manifest.batch : all,
         data);
    open(options.validation, all, validation);
  }

  /// Weights and state: from the checkpoint to resume, from --load, or from the seed.
  void startingPoint() {
    progress.seed = options.seed;
    if (data)
      progress.data = data->path() + ", " + std::to_string(data->tokens()) + " tokens";
    if (!options.save.empty() && program.rank() == 0)
      makeFolder(options.save);
    program.context().communicator->barrier();
    std::optional<std::string> last;
    if (options.resume)
      last = findCheckpoint(options.save);
    if (last)
      return resume(*last);
    checkSaveFolder();
    if (!options.load.empty())
      return loadWeights(program, options.load);
    program.setScalar("init", "seed", options.seed);
    program.setScalar("init", "init_scheme", int64_t(options.init == "torch" ? 1 : 0));
    program.run("init");
  }

  /// Later steps than our first one would be what --resume takes, though they are another run's.
  void checkSaveFolder() const {
    if (options.save.empty())
      return;
    int64_t first = options.saveEvery ? std::min(options.saveEvery, options.steps) : options.steps;
    if (std::optional<int64_t> other = lastStep(options.save); other && *other > first)
      throw Error("cannot save to " + options.save + ": it has step " + std::to_string(*other) +
                  " of another run: go on from that with --resume, or choose another folder");
  }

  void resume(const std::string &folder) {
    Progress stored = loadCheckpoint(folder, program, /*state=*/true);
    if (!quiet) {
      std::printf("resumed from %s\n", folder.c_str());
      if (data && stored.data != progress.data)
        std::printf("warning: the checkpoint was made on other data (%s)\n", stored.data.c_str());
      if (stored.step > options.steps)
        std::printf("warning: nothing to train: the checkpoint is of step %lld, --steps is %lld\n",
                    static_cast<long long>(stored.step), static_cast<long long>(options.steps));
    }
    progress.step = firstStep = saved = stored.step;
    progress.seed = stored.seed;
  }

  void trainSteps() {
    if (progress.step >= options.steps)
      return;
    ProgressBar bar(progress.step, options.steps, quiet);
    double begin = now();
    while (progress.step < options.steps) {
      underWay.push_back(startStep());
      finishSteps(bar, stepsAhead());
      if (options.saveEvery && progress.step % options.saveEvery == 0 && !options.save.empty()) {
        finishSteps(bar, 0);
        save();
      }
    }
    finishSteps(bar, 0);
    seconds = now() - begin;
  }

  /// How many steps may be under way when the host reads the results of an earlier one: a device
  /// that works by itself always has the next step before it.
  size_t stepsAhead() const {
    return program.device().isHost() || program.context().profile ? 0 : 2;
  }

  void finishSteps(ProgressBar &bar, size_t left) {
    for (; underWay.size() > left; underWay.pop_front()) {
      last = finishStep(underWay.front());
      metrics->write(last);
      bar.show(last);
      checkFinite("loss", last.loss, last.step);
      checkFinite("gradient norm", last.gradientNorm, last.step);
    }
  }

  void profileSteps() {
    tpc_context &context = program.context();
    context.profile = std::make_shared<Profile>(manifest.collectives.size());
    trainSteps();
    context.profile->write(options.profile, context);
    context.profile.reset();
  }

  double validate() {
    if (!validation)
      return 0;
    double loss = evaluate(program, *validation, options.ignoreIndex);
    metrics->writeValidation(progress.step, loss);
    checkFinite("held-out loss", loss, progress.step);
    return loss;
  }

  /// Before anything is saved.
  static void checkFinite(const char *what, double value, int64_t step) {
    if (!std::isfinite(value))
      throw Error(std::string("the ") + what + " is " + std::to_string(value) + " at step " +
                  std::to_string(step) + ": training diverged, try a smaller --lr");
  }

  StepUnderWay startStep() {
    int64_t number = progress.step;
    tpc_context &context = program.context();
    StepUnderWay step;
    context.resetCounters();
    step.span.begin = program.device().mark();
    feedBatch(program, "step", *data, number);
    step.metrics.learningRate = schedule.rate(number);
    setHyperParameters(step.metrics.learningRate);
    if (context.profile)
      context.profile->beginStep();
    step.timesCollectives = !program.replays("step");
    program.run("step");
    step.span.end = program.device().mark();
    step.loss = program.fetchScalar("step", "loss");
    step.gradientNorm = program.fetchScalar("step", "grad_norm");
    step.fetched = program.device().mark();
    step.waits = std::move(context.waits);
    step.metrics.communicationSeconds = context.communicationSeconds;
    step.metrics.step = ++progress.step;
    if (number == firstStep)
      memoryBytes = program.arenaHighWater();
    step.metrics.memoryBytes = memoryBytes;
    step.metrics.epoch = data->epoch((number + 1) * manifest.batch - 1);
    if (number == firstStep && !options.dumpGradients.empty())
      writeParameters(program, options.dumpGradients, /*gradients=*/true);
    return step;
  }

  StepMetrics finishStep(StepUnderWay &step) {
    step.fetched->wait();
    program.context().check(); // after a failure what was fetched means nothing
    StepMetrics &metrics = step.metrics;
    metrics.loss = step.loss.value();
    metrics.gradientNorm = step.gradientNorm.value();
    metrics.seconds = step.span.seconds();
    metrics.tokensPerSecond =
        static_cast<double>(manifest.batch * manifest.sequence) / metrics.seconds;
    // A step that is faster than all products that were timed shows what they could have been.
    peak = std::max(peak, manifest.flopsPerStep / metrics.seconds);
    metrics.mfu = manifest.flopsPerStep / metrics.seconds / peak;
    timeCommunication(step);
    if (metrics.step == firstStep + 1)
      firstLoss = metrics.loss;
    return metrics;
  }

  /// Adds what the device has waited, and tells the profile.
  void timeCommunication(StepUnderWay &step) {
    Profile *profile = program.context().profile.get();
    std::optional<double> &seconds = step.metrics.communicationSeconds;
    for (const tpc_context::Wait &wait : step.waits) {
      double waited = wait.span.seconds();
      *seconds += waited;
      if (profile)
        profile->addCollective(wait.collective, waited);
    }
    if (profile)
      profile->endStep(step.metrics.seconds);
    if (!step.timesCollectives && !manifest.collectives.empty())
      seconds.reset();
    communicationTimed = communicationTimed && seconds;
    communicationSeconds += seconds.value_or(0);
  }

  void setHyperParameters(double rate) {
    auto set = [&](const char *name, auto value) { program.setScalar("step", name, value); };
    set("ignore_index", options.ignoreIndex);
    set("learning_rate", rate);
    set("beta1", options.betas[0]);
    set("beta2", options.betas[1]);
    set("eps", options.eps);
    set("weight_decay", options.weightDecay);
    set("clip",
        options.clip > 0 ? options.clip : 1e30); // no norm reaches it, no quotient overflows
    set("step", progress.step + 1);
  }

  void save() {
    saveCheckpoint(program, options.save, progress);
    saved = progress.step;
  }

  /// What the utilization is relative to.
  std::string peakText() const {
    return manifest.peakFlops > 0 ? "machine model '" + manifest.peakMachine + "'"
                                  : peakName(program.device(), manifest.bf16);
  }

  void summarize() const {
    int64_t steps = progress.step - firstStep;
    if (steps > 0) {
      double tokens = static_cast<double>(steps * manifest.batch * manifest.sequence);
      double flops = manifest.flopsPerStep * static_cast<double>(steps);
      std::printf("loss %.4f -> %.4f in %lld steps, %.1f s\n", firstLoss, last.loss,
                  static_cast<long long>(steps), seconds);
      std::printf("%.0f tokens/s, mfu %.1f %% of %.1f GFLOP/s (%s, %d ranks x %d threads)\n",
                  tokens / seconds, 100 * flops / seconds / peak, peak / 1e9, peakText().c_str(),
                  program.context().world(), program.context().threads);
      if (communicationTimed)
        std::printf("communication %.1f s (%.1f %%)\n", communicationSeconds,
                    100 * communicationSeconds / seconds);
      std::printf("%s\n", program.describeMemory().c_str());
    }
    if (validation)
      std::printf("held-out loss %.4f -> %.4f (%s)\n", lossBefore, lossAfter,
                  validation->path().c_str());
    if (!options.metrics.empty() && steps > 0)
      std::printf("metrics: %s\n", options.metrics.c_str());
    if (!options.save.empty())
      std::printf("checkpoint: %s\n", findCheckpoint(options.save).value_or("").c_str());
    if (!options.exportFolder.empty())
      std::printf("Hugging Face folder: %s\n", options.exportFolder.c_str());
  }

  Program &program;
  const Options &options;
  const Manifest &manifest;
  double peak;
  bool quiet;
  Schedule schedule;
  std::optional<TokenData> data, validation;
  std::optional<MetricsFile> metrics;
  Progress progress;
  int64_t firstStep = 0, saved = -1;
  std::deque<StepUnderWay> underWay;
  StepMetrics last;
  uint64_t memoryBytes = 0;
  bool communicationTimed = true;
  double seconds = 0, communicationSeconds = 0, firstLoss = 0, lossBefore = 0, lossAfter = 0;
};

} // namespace

void train(Program &program, const Options &options, double peak) {
  TrainLoop(program, options, peak).run();
}

} // namespace tpc::runtime
