// An owned file descriptor.
#ifndef TPC_RUNTIME_COMM_FILEDESCRIPTOR_H
#define TPC_RUNTIME_COMM_FILEDESCRIPTOR_H

#include <unistd.h>
#include <utility>

namespace tpc::runtime {

class FileDescriptor {
public:
  explicit FileDescriptor(int number = -1) : number(number) {}
  FileDescriptor(FileDescriptor &&other) noexcept : number(std::exchange(other.number, -1)) {}
  FileDescriptor &operator=(FileDescriptor other) noexcept {
    std::swap(number, other.number); // `other` closes what this one had
    return *this;
  }
  ~FileDescriptor() {
    if (number >= 0)
      close(number);
  }
  int get() const { return number; }
  bool valid() const { return number >= 0; }

private:
  int number;
};

} // namespace tpc::runtime

#endif
