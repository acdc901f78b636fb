#include "DirectCommunicator.h"
#include "HostCollective.h"
#include "StreamingCopy.h"
#include <algorithm>
#include <cstring>
#include <sstream>
#include <unistd.h>

namespace tpc::runtime {

DirectCommunicator::DirectCommunicator(int rank, std::shared_ptr<Segment> givenSegment,
                                       const CommunicatorOptions &options, bool everythingVisible,
                                       int spins)
    : Communicator(rank, givenSegment->sizes.ranks), segment(std::move(givenSegment)),
      collectives(options.collectives), timeoutSeconds(options.timeoutSeconds),
      everythingVisible(everythingVisible), spins(spins) {
  signBoard(board(), rank, getpid(), hostName());
}

DirectCommunicator::~DirectCommunicator() { abandon(); }

void DirectCommunicator::abandon() {
  if (!finished && !failed())
    abort(board().describe(myRank) + " left before the job was finished");
}

std::string DirectCommunicator::describeOperation(int64_t operation) const {
  return describeHostOperation(operation, collectives);
}

void DirectCommunicator::start(const Collective &collective, char *const *inputs,
                               char *const *outputs) {
  DirectOperation operation;
  operation.collective = &collective;
  const std::vector<int> &group = collective.groupOf(myRank);
  operation.announcement = {collective.index, group, sequence};
  auto self = std::find(group.begin(), group.end(), myRank);
  operation.position = static_cast<int>(self - group.begin());
  operation.inputs.assign(inputs, inputs + collective.operands.size());
  operation.outputs.assign(outputs, outputs + collective.operands.size());
  if (group.size() > 1)
    announce(operation);
  pending.push_back(std::move(operation));
}

void DirectCommunicator::wait(const Collective &collective) {
  auto operation =
      std::find_if(pending.begin(), pending.end(), [&](const DirectOperation &candidate) {
        return candidate.collective->index == collective.index;
      });
  if (operation == pending.end())
    throw Error(board().describe(myRank) + ": " + collective.describe() +
                " is waited for and was not started");
  complete(*operation);
  pending.erase(operation);
}

char *DirectCommunicator::stage(size_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  if (stagingUsed + bytes > segment->sizes.stagingBytes) {
    throw Error(board().describe(myRank) + ": " + std::to_string(bytes) +
                " bytes do not fit into the " + std::to_string(segment->sizes.stagingBytes) +
                " bytes of staging");
  }
  char *address = segment->staging(myRank) + stagingUsed;
  stagingUsed += bytes;
  return address;
}

char *DirectCommunicator::stageInput(const char *input, size_t bytes, bool mustCopy) {
  char *copy = stage(bytes);
  if (mustCopy)
    std::memcpy(copy, input, bytes);
  return copy;
}

void DirectCommunicator::announce(DirectOperation &operation) {
  const Collective &collective = *operation.collective;
  size_t operands = collective.operands.size();
  if (operands > segment->sizes.operands)
    throw Error(collective.describe() + ": " + std::to_string(operands) +
                " operands, and at most " + std::to_string(segment->sizes.operands) +
                " were announced");
  freeSlot(++sequence);
  operation.announcement.sequence = sequence;
  operation.byLetter = collective.inputBytes() + 64 * operands <= kLetterBytes;
  if (operation.byLetter)
    writeLetter(operation);
  else
    shareBuffers(operation);
  segment->board().slot(myRank, sequence).operation = collective.index;
  board().rank(myRank).position.store(collective.index, std::memory_order_relaxed);
  board().advance(myRank, sequence, 1);
}

void DirectCommunicator::freeSlot(uint32_t needed) {
  for (DirectOperation &older : pending)
    if (needed - older.announcement.sequence >= kOutstanding)
      complete(older);
  Announcement &letter = unread[needed % kOutstanding];
  if (!letter.group.empty())
    waitForGroup(letter, 2);
  letter.group.clear();
}

void DirectCommunicator::writeLetter(DirectOperation &operation) {
  const Collective &collective = *operation.collective;
  uint64_t *references = segment->references(myRank, sequence);
  char *letter = segment->letter(myRank, sequence);
  for (size_t i = 0; i < collective.operands.size(); ++i) {
    size_t bytes = collective.operands[i].inputElements() * elementBytes(collective.dtype);
    std::memcpy(letter, operation.inputs[i], bytes);
    operation.inputs[i] = letter;
    references[i] = segment->referenceTo(letter);
    letter += (bytes + 63) / 64 * 64;
  }
}

void DirectCommunicator::shareBuffers(DirectOperation &operation) {
  const Collective &collective = *operation.collective;
  size_t operands = collective.operands.size();
  if (stagingUsed + collective.inputBytes() + 64 * operands > segment->sizes.stagingBytes)
    completeAll();
  uint64_t *references = segment->references(myRank, sequence);
  bool pushes = collective.op == CollectiveOp::AllReduce && !reducesWhole(collective);
  for (size_t i = 0; i < operands; ++i) {
    size_t bytes = collective.operands[i].inputElements() * elementBytes(collective.dtype);
    char *input = operation.inputs[i], *output = operation.outputs[i];
    bool inputSeen = everythingVisible || segment->contains(input);
    bool outputSeen = everythingVisible || segment->contains(output) || !pushes;
    if (!inputSeen || !outputSeen) {
      char *staged = stageInput(input, bytes, !inputSeen);
      if (!inputSeen)
        input = staged;
      if (!outputSeen) {
        operation.lateCopies.push_back({staged, output, bytes});
        output = staged;
      }
    }
    references[i] = segment->referenceTo(input);
    references[segment->sizes.operands + i] = segment->referenceTo(output);
  }
}

void DirectCommunicator::leaveUnread(Announcement &&letter) {
  bool done = std::all_of(letter.group.begin(), letter.group.end(),
                          [&](int peer) { return board().reached(peer, letter.sequence, 2); });
  if (!done && failed()) // who wrote one may have given up since, and has no result
    throw Error(failure());
  unread[letter.sequence % kOutstanding] = std::move(letter);
}

void DirectCommunicator::completeAll() {
  for (DirectOperation &operation : pending)
    complete(operation);
}

void DirectCommunicator::complete(DirectOperation &operation) {
  if (operation.finished)
    return;
  Announcement &announcement = operation.announcement;
  if (announcement.group.size() > 1) {
    waitForGroup(announcement, 1);
    collectAddresses(operation);
    executeDirect(operation);
    board().advance(myRank, announcement.sequence, 2);
    if (operation.byLetter)
      leaveUnread(std::move(announcement));
    else
      waitForGroup(announcement, 2);
  } else {
    operation.peerInputs.assign(operation.inputs.begin(), operation.inputs.end());
    operation.peerOutputs = operation.outputs;
    executeAlone(operation);
  }
  for (const DirectOperation::LateCopy &copy : operation.lateCopies)
    std::memcpy(copy.target, copy.source, copy.bytes);
  operation.scratch.clear();
  operation.finished = true;
  if (std::all_of(pending.begin(), pending.end(),
                  [](const DirectOperation &other) { return other.finished; }))
    stagingUsed = 0;
}

void DirectCommunicator::waitForGroup(const Announcement &announcement, uint32_t phase) {
  for (int peer : announcement.group) {
    if (peer == myRank)
      continue;
    switch (board().wait(myRank, peer, announcement.sequence, phase, spins, timeoutSeconds)) {
    case Board::Wait::Reached:
      break;
    case Board::Wait::Failed:
      throw Error(failure());
    case Board::Wait::TimedOut:
      reportTimeout(announcement, peer);
    }
    if (phase == 1)
      checkSameOperation(announcement, peer);
  }
}

void DirectCommunicator::checkSameOperation(const Announcement &announcement, int peer) {
  int64_t theirs = board().slot(peer, announcement.sequence).operation;
  if (theirs != announcement.operation)
    throw Error(board().describe(myRank) + " executes " +
                describeOperation(announcement.operation) + " while " + board().describe(peer) +
                " executes " + describeOperation(theirs) +
                ": the ranks do not run the same program on the same input");
}

void DirectCommunicator::reportTimeout(const Announcement &announcement, int peer) {
  int culprit = board().culprit(peer);
  int64_t here = announcement.operation, there = board().rank(culprit).position;
  std::ostringstream text;
  text << board().describe(culprit) << " (process " << board().rank(culprit).pid
       << ") stalled: " << board().describe(myRank) << " waited " << timeoutSeconds << " s in "
       << describeOperation(here) << " for it";
  if (there != here)
    text << ", whose last operation was " << describeOperation(there);
  text << "; raise --timeout if it is only slow";
  abort(text.str());
  throw Error(failure());
}

void DirectCommunicator::collectAddresses(DirectOperation &operation) {
  size_t operands = operation.collective->operands.size();
  for (int peer : operation.announcement.group) {
    const uint64_t *references = segment->references(peer, operation.announcement.sequence);
    for (size_t i = 0; i < operands; ++i) {
      operation.peerInputs.push_back(segment->address(references[i]));
      operation.peerOutputs.push_back(segment->address(references[segment->sizes.operands + i]));
    }
  }
}

void DirectCommunicator::barrier() {
  Collective collective = hostCollective(kBarrier, worldSize, 0);
  run(collective, nullptr, nullptr);
}

void DirectCommunicator::gatherHost(const void *data, size_t bytes, void *out) {
  constexpr size_t kPiece = 16 << 10;
  for (size_t begin = 0; begin < bytes; begin += kPiece) {
    auto piece = static_cast<int64_t>(std::min(kPiece, bytes - begin));
    Collective collective = hostCollective(kGatherHost, worldSize, piece);
    std::vector<char> input(piece), output(piece * worldSize);
    std::memcpy(input.data(), static_cast<const char *>(data) + begin, piece);
    char *inputs[] = {input.data()}, *outputs[] = {output.data()};
    run(collective, inputs, outputs);
    for (int peer = 0; peer < worldSize; ++peer)
      std::memcpy(static_cast<char *>(out) + bytes * peer + begin, output.data() + piece * peer,
                  piece);
  }
}

void DirectCommunicator::finish() {
  barrier();
  finished = true;
}

} // namespace tpc::runtime
