"""Sample the state of the GPU until the process is ended: `python tests/gpu/gpu_samples.py FILE`.

A row of the CSV file has the time in seconds since 1970, SM clock in MHz, power in W, temperature
in °C, memory in bytes, and the reasons for a lower clock. Without a GPU there are no rows.
"""

import csv
import sys
import time
from pathlib import Path

from detbench.bench.gpu import open_gpu

INTERVAL_S = 0.25
COLUMNS = ("time_s", "sm_clock_mhz", "power_w", "temperature_c", "memory_bytes", "clock_reasons")


def main():
    gpu = open_gpu()
    with Path(sys.argv[1]).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        file.flush()
        while gpu is not None:
            state = gpu.state()
            values = (state.sm_clock_mhz, state.power_w, state.temperature_c)
            reasons = "; ".join(state.clock_reasons)
            writer.writerow((time.time(), *values, state.memory_used_bytes, reasons))
            file.flush()
            time.sleep(INTERVAL_S)


if __name__ == "__main__":
    main()
