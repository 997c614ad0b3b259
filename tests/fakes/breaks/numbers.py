"""Numbers of scripts/examples/subscribers.json that breaks are about."""

ABSENT, BARRED, LANDLINE, PORTED = "+79160000004", "+79160000005", "+79160000006", "+79160000007"
FOREIGN = "+79260000001"
HOUR = 3_600
