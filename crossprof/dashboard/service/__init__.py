"""What stands between the dashboard and the network: who may ask, files that are compressed, exports, reports, recordings."""
