module dcp.test/runc-wrapper

go 1.24.0
