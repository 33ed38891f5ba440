from setuptools import find_packages, setup

setup(name="poll", version="0.2", packages=find_packages(), install_requires=["flask"], include_package_data=True)
