// Kernels of CUDA on the processor, for tests where there is no graphics card: every thread of a block is a fibre that runs until
// it waits for others. Blocks run one after the other, and the order of fibres changes from block to block, so that most missing
// barriers give wrong results. Copies to shared memory that a kernel begins happen at once in some blocks, in others only when it
// waits for them. It is no proof: what the instructions do is taken from NVIDIA's manual, not from a card.
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <type_traits>

struct dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
  dim3() = default;
  dim3(unsigned x_size, unsigned y_size = 1, unsigned z_size = 1) : x(x_size), y(y_size), z(z_size) {}
};

// Of the fibre that runs, under the names of CUDA.
extern dim3 threadIdx;
extern dim3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;

namespace emulator {

inline constexpr unsigned warp_size = 32;

/// Runs `body` for every thread of every block. Ends the program with words when threads wait for each other for ever.
void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& body);

/// Waits until all threads of the block wait here or are done.
void wait_for_block();
bool any_in_block(bool value);

unsigned lane();

/// What the lanes of the warp put in, valid until two exchanges later. All lanes of the warp must call it.
const std::byte* exchange_bytes(const void* value, std::size_t bytes);

/// Room for one value in an exchange.
inline constexpr std::size_t slot_bytes = 64;

/// Numbers of all lanes, by lane.
template <typename T>
class OfLanes {
 public:
  explicit OfLanes(const std::byte* slots) : slots_(slots) {}
  T operator[](unsigned lane) const {
    T value;
    std::memcpy(&value, slots_ + lane * slot_bytes, sizeof(T));
    return value;
  }

 private:
  const std::byte* slots_;
};

template <typename T>
OfLanes<T> exchange(const T& value) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= slot_bytes);
  return OfLanes<T>(exchange_bytes(&value, sizeof(T)));
}

/// The running block's dynamic shared memory.
unsigned char* shared_memory();

/// Copies that the running thread begins, in groups.
void begin_copy(void* to, const void* from, std::size_t bytes, bool filled);
void end_group();
void wait_for_groups(std::size_t pending);

}  // namespace emulator
