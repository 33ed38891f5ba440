import time

time.sleep(1)
meal = []
while True:
    meal.append(bytearray(b"x" * 1_000_000))
