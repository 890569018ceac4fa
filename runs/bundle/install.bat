@echo off
rem Installs tbspot from this folder, without a network, into FOLDER (by default tbspot in one's
rem home), and tries it. Usage: install.bat [FOLDER]. Python @PYTHON@ must be there, with its launcher py.
setlocal
set "into=%~1"
if "%into%"=="" set "into=%USERPROFILE%\tbspot"
for %%f in ("%into%") do set "into=%%~ff"
cd /d "%~dp0"
py -@PYTHON@ -m venv --without-pip "%into%" || exit /b 1
for %%f in (wheels\pip-*.whl) do set "pip=%%f\pip"
set PIP_CONFIG_FILE=nul
rem pip checks every wheel against the sums in requirements.txt.
"%into%\Scripts\python.exe" "%pip%" --isolated install --quiet --no-index --find-links wheels --require-hashes --requirement requirements.txt || exit /b 1
"%into%\Scripts\tbspot.exe" selftest || exit /b 1
echo installed: %into%\Scripts\tbspot.exe
