"""From the volts of strips in the road to vehicles: pure, streamed, the same however the signal is cut."""
