import os
import shutil

shutil.rmtree(os.path.join(os.environ["DATA_DIR"], "jobs"), ignore_errors=True)
