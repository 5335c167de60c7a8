"""ONVIF: what devices say of themselves. Discovery, addresses, clock, and their own tampering events."""
