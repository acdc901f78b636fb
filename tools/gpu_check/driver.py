"""The CUDA driver through ctypes: memory, machine code, launches, times."""
import ctypes

POISON = 0xFF  # NaN in every floating-point type


class Refusal(Exception):
    """What keeps the check from running here, for people."""


class Driver:
    """The first GPU. `library`: what takes the place of libcuda, in tests."""

    def __init__(self, library=None):
        if library is None:
            try:
                library = ctypes.CDLL("libcuda.so.1")
            except OSError:
                raise Refusal("no NVIDIA driver here: run it where nvidia-smi lists a GPU") from None
        self.library = library
        count = ctypes.c_int()
        if library.cuInit(0) or library.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
            raise Refusal("no GPU here: run it where nvidia-smi lists one (CUDA_VISIBLE_DEVICES may hide it)")
        self.device, context = ctypes.c_int(), ctypes.c_void_p()
        self.call("cuDeviceGet", ctypes.byref(self.device), 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), self.device)
        self.call("cuCtxSetCurrent", context)

    def call(self, name, *arguments):
        code = getattr(self.library, name)(*arguments)
        if code:
            text = ctypes.c_char_p()
            self.library.cuGetErrorString(code, ctypes.byref(text))
            raise RuntimeError(f"{name}: {(text.value or b'an unknown error').decode()} ({code})")

    def name(self):
        text = ctypes.create_string_buffer(256)
        self.call("cuDeviceGetName", text, len(text), self.device)
        return text.value.decode()

    def architecture(self):
        """90 for sm_90."""
        version = [ctypes.c_int(), ctypes.c_int()]
        for number, attribute in zip(version, (75, 76)):  # compute capability, major and minor
            self.call("cuDeviceGetAttribute", ctypes.byref(number), attribute, self.device)
        return 10 * version[0].value + version[1].value

    def allocate(self, size, byte=POISON):
        """An address of `size` bytes, each set to `byte`."""
        address = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(max(size, 1)))
        self.call("cuMemsetD8_v2", address, ctypes.c_ubyte(byte), ctypes.c_size_t(max(size, 1)))
        return address.value

    def free(self, address):
        self.call("cuMemFree_v2", ctypes.c_uint64(address))

    def write(self, address, data):
        self.call("cuMemcpyHtoD_v2", ctypes.c_uint64(address), data, ctypes.c_size_t(len(data)))

    def read(self, address, size):
        data = ctypes.create_string_buffer(size)
        self.call("cuMemcpyDtoH_v2", data, ctypes.c_uint64(address), ctypes.c_size_t(size))
        return data.raw

    def copy(self, to, origin, size):
        """Given to the GPU, not waited for."""
        self.call("cuMemcpyDtoDAsync_v2", ctypes.c_uint64(to), ctypes.c_uint64(origin), ctypes.c_size_t(size), None)

    def load(self, code):
        """A module of machine code."""
        module = ctypes.c_void_p()
        self.call("cuModuleLoadData", ctypes.byref(module), code)
        return module

    def kernel(self, module, name):
        function = ctypes.c_void_p()
        self.call("cuModuleGetFunction", ctypes.byref(function), module, name.encode())
        return function

    def launch(self, kernel, blocks, threads, values):
        """`values`: 8 bytes for each parameter, or for each element of the array that is the only one."""
        parameters = (ctypes.c_uint64 * len(values))(*values)
        first = ctypes.addressof(parameters)
        table = (ctypes.c_void_p * len(values))(*range(first, first + 8 * len(values), 8))
        self.call("cuLaunchKernel", kernel, blocks, 1, 1, threads, 1, 1, 0, None, table, None)

    def synchronize(self):
        self.call("cuCtxSynchronize")

    def seconds(self, work, repetitions=20):
        """Median seconds of `work()`, which gives work to the GPU; the first few are not counted."""
        events = [ctypes.c_void_p() for _ in range(2)]
        for event in events:
            self.call("cuEventCreate", ctypes.byref(event), 0)
        times = []
        for repetition in range(repetitions + 3):
            self.call("cuEventRecord", events[0], None)
            work()
            self.call("cuEventRecord", events[1], None)
            self.call("cuEventSynchronize", events[1])
            milliseconds = ctypes.c_float()
            self.call("cuEventElapsedTime", ctypes.byref(milliseconds), *events)
            if repetition >= 3:
                times.append(milliseconds.value / 1000)
        for event in events:
            self.call("cuEventDestroy_v2", event)
        return sorted(times)[len(times) // 2]
